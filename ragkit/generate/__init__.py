"""From a context to an answer whose every sentence cites where it stands."""
