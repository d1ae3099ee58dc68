"""BM25 in numpy: exact statistics per tenant and commit, whatever store the chunks lie in."""
