"""Taking over what another library has indexed: texts, vectors and metadata, without embedding again."""
