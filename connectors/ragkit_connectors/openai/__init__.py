"""`llm/openai`: any endpoint that speaks OpenAI's chat completions, streamed or not."""

from ragkit_connectors.openai.model import OpenAIChat as OpenAIChat
