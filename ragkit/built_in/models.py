"""Embedders, rerankers and chat models."""

from __future__ import annotations

from ragkit.built_in.component import LANGCHAIN, LLAMAINDEX, ST, Component, table

MODELS: dict[str, Component] = table(
    ("embed/bundled", "ragkit.models.bundled_embedder:BundledEmbedder", "all-MiniLM-L6-v2, English, offline"),
    (
        "embed/sentence-transformers",
        "ragkit_connectors.sentence_transformers:SentenceTransformersEmbedder",
        "any hub or local embedding model, CPU or GPU",
        *ST,
    ),
    (
        "embed/openai",
        "ragkit_connectors.openai:OpenAIEmbedder",
        "any OpenAI-compatible endpoint for embeddings",
        "openai",
        "httpx",
    ),
    (
        "rerank/cross-encoder",
        "ragkit_connectors.sentence_transformers:CrossEncoderReranker",
        "any hub or local cross-encoder, CPU or GPU",
        *ST,
    ),
    (
        "rerank/http",
        "ragkit_connectors.rerank_http:HttpReranker",
        "a reranker behind a server: Cohere, Jina, text-embeddings-inference, vLLM",
        "openai",
        "httpx",
    ),
    (
        "rerank/entailment",
        "ragkit_connectors.entailment:EntailmentModel",
        "whether a text entails a claim, by a hub or local model, for verify/citations",
        *ST,
    ),
    (
        "rerank/bundled",
        "ragkit.models.bundled_reranker:BundledReranker",
        "compares question and passage token by token, English, offline",
    ),
    (
        "rerank/onnx",
        "ragkit.models.own_reranker:OwnReranker",
        "a reranker of your own, from a folder, on the CPU",
    ),
    (
        "llm/openai",
        "ragkit_connectors.openai:OpenAIChat",
        "any OpenAI-compatible endpoint",
        "openai",
        "httpx",
    ),
    (
        "llm/langchain",
        "ragkit_connectors.langchain.chat:LangChainChat",
        "any chat model of LangChain",
        "langchain",
        "langchain_core",
    ),
    (
        "llm/llamaindex",
        "ragkit_connectors.llamaindex.chat:LlamaIndexChat",
        "any LLM of LlamaIndex",
        *LLAMAINDEX,
    ),
    (
        "llm/litellm",
        "ragkit_connectors.litellm:LiteLLMChat",
        "Bedrock, SageMaker, Vertex AI, OCI, Anthropic and the rest, by LiteLLM",
        "litellm",
        "litellm",
    ),
    ("llm/replay", "ragkit.models.replay:ReplayChat", "recorded answers, without model or network"),
    ("llm/route", "ragkit.models.route:RouteChat", "several models in turn, the next where one fails"),
    (
        "embed/langchain",
        "ragkit_connectors.langchain.embeddings:LangChainEmbedder",
        "any embedding model of LangChain",
        *LANGCHAIN,
    ),
    (
        "embed/llamaindex",
        "ragkit_connectors.llamaindex.embeddings:LlamaIndexEmbedder",
        "any embedding model of LlamaIndex",
        *LLAMAINDEX,
    ),
)
