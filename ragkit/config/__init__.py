"""From `rag.yaml` to a checked configuration, with every mistake of the file reported at once."""
