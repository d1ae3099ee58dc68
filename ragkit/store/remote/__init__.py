"""An index on a server without transactions: commits, leases and scopes, over a dozen calls of the server."""
