"""Turns each format into the canonical text that all positions count in, one file per format."""
