"""From files to committed chunks: load → parse to canonical text → chunk → embed → commit."""
