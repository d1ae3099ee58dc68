"""What the connectors to other libraries' chat models have in common."""
