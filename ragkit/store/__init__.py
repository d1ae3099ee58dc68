"""The collection that a graph talks to, and the embedded store beneath it."""
