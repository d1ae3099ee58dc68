"""Whether two questions ask the same: what their vectors do not tell."""
