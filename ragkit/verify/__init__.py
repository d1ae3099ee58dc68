"""From an answer to an answer whose citations were checked against the documents."""
