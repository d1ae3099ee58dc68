"""No key or password goes into a configuration that is saved."""

from __future__ import annotations

from ragkit.config.load import load_config
from ragkit.evaluation.search.secrets import without_secrets

RAG = """ragkit: 1
models:
  embed: {use: embed/bundled}
  small:
    {use: llm/openai, base_url: "http://me:pw123@host/v1", model: m, api_key: sk-123, headers: {x-o: abc123}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, k: 3}
  generate: {use: generate/extractive}
"""


def test_a_variable_takes_the_place_of_each_secret() -> None:
    document = {
        "models": {
            "small": {
                "base_url": "http://me:pw123@host/v1",
                "api_key": "sk-123",
                "headers": {"x-o": "abc123"},
            },
            "large": {"api_key": "${KEY}"},
        }
    }
    shown = load_config(RAG).describe()
    assert isinstance(shown["models"], dict)
    shown["models"]["large"] = {"api_key": "${KEY}"}
    made, names = without_secrets(document, shown)
    assert not any(secret in str(made) for secret in ("pw123", "sk-123", "abc123"))
    assert made["models"]["large"] == {"api_key": "${KEY}"}
    assert names["models.small.api_key"] == "MODELS_SMALL_API_KEY"
    assert made["models"]["small"]["base_url"] == "${MODELS_SMALL_BASE_URL}"
