"""Backends and models of other projects, one to a file, each imported only when its name is used."""
