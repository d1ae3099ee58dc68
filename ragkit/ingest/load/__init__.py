"""Finds source files and turns their bytes into text, or says exactly why it cannot."""
