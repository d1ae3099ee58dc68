"""What the connectors to LangChain, LlamaIndex and their like have in common. It imports none of them."""
