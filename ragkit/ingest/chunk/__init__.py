"""Cuts a document's canonical text into passages with exact spans."""
