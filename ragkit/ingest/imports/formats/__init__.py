"""Readers of what other libraries keep on disk, each in a file of its own."""
