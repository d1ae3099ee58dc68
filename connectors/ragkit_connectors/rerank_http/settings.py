"""The settings of `rerank/http`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ragkit_connectors.openai.address import EndpointSettings
from ragkit_connectors.openai.settings import without_ours

_OURS = frozenset(
    {
        "model",
        "query",
        "documents",
        "texts",
        "text_1",
        "text_2",
        "top_n",
        "return_documents",
        "return_text",
        "raw_scores",
        "use_activation",
    }
)


PATHS = {
    "cohere": "/v2/rerank",
    "jina": "/v1/rerank",
    "infinity": "/rerank",
    "tei": "/rerank",
    "vllm": "/v1/rerank",
    "vllm-score": "/score",
}


class RerankSettings(EndpointSettings):
    """Where the server is, what it speaks, and how it is asked."""

    component: ClassVar[str] = "rerank/http"

    base_url: str = Field(
        min_length=1,
        description="Address of the server: https://api.cohere.com, http://localhost:8080. The path of the "
        "protocol is added to it, as far as it is not there yet.",
    )
    protocol: Literal["cohere", "jina", "infinity", "tei", "vllm", "vllm-score"] = Field(
        description="What the server speaks: cohere (v2), jina (also llama.cpp), infinity, tei "
        "(text-embeddings-inference), vllm (/v1/rerank), vllm-score (/score)."
    )
    model: str = Field("", description="The model's name at the server; tei runs only one and takes none.")
    timeout_s: float = Field(20.0, gt=0.0, description="Seconds for a request, repeats included.")
    scale: Literal["logit", "probability"] | None = Field(
        None,
        description="What the scores are; left out: logit for infinity, tei and vllm, which are asked for "
        "it, probability for cohere and jina.",
    )
    truncate: bool = Field(
        True,
        description="tei and vllm: cut passages that are too long for the model, not refuse them.",
    )
    passage_tokens: int | None = Field(
        None,
        ge=1,
        description="Tokens of a passage that are read at most; with vllm, of question and passage together.",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Passages in one request; left out: tei 32, cohere 100, vllm 128, jina and infinity 256.",
    )
    at_once: int = Field(8, ge=1, le=256, description="Requests in flight at most.")
    requests_per_minute: int | None = Field(None, ge=1, description="The account's limit, to keep below it.")
    languages: tuple[str, ...] = Field(
        (), description="ISO 639-1 codes the model was trained on; none means any language."
    )
    price: float | None = Field(
        None,
        ge=0.0,
        allow_inf_nan=False,
        description="US dollars for a million of what the server bills: tokens, with cohere search units.",
    )
    extra: dict[str, Any] = Field(default_factory=dict, description="Further keys of every request.")

    @property
    def path(self) -> str:
        """What follows the address."""
        return path_after(self.base_url, PATHS[self.protocol])

    @field_validator("extra")
    @classmethod
    def _leaves_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        return without_ours(extra, _OURS)

    @model_validator(mode="after")
    def _names_a_model(self) -> RerankSettings:
        if not self.model and self.protocol != "tei":
            raise ValueError(f"model: missing; the protocol {self.protocol!r} wants the name of one")
        if self.passage_tokens is not None and self.protocol in ("tei", "jina", "infinity"):
            raise ValueError(
                f"passage_tokens: the protocol {self.protocol!r} has no such limit. Leave it out, or make "
                "the chunks shorter"
            )
        return self


def path_after(base_url: str, path: str) -> str:
    """What of a path is added to an address that may end with a part of it.

    >>> path_after("https://api.jina.ai/v1", "/v1/rerank"), path_after("http://gpu:8080/", "/rerank")
    ('/rerank', '/rerank')
    """
    address, parts = base_url.partition("?")[0].rstrip("/"), path.split("/")[1:]
    for n in range(len(parts), 0, -1):
        if address.endswith("/" + "/".join(parts[:n])):
            return "".join(f"/{part}" for part in parts[n:])
    return path
