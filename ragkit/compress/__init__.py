"""From a context to a smaller one: spans are selected, text is never rewritten, so all stays citable."""
