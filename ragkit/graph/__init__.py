"""Typed stages wired into a graph: declared as data, checked as a whole, run with a trace."""
