"""From a query plan to one ranking: search by meaning, search by words, fuse."""
