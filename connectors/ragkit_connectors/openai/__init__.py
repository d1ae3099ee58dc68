"""`llm/openai` and `embed/openai`: any endpoint that speaks OpenAI's chat completions and embeddings."""

from ragkit_connectors.openai.embedding import OpenAIEmbedder as OpenAIEmbedder
from ragkit_connectors.openai.model import OpenAIChat as OpenAIChat
