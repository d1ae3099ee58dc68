"""The settings of `embed/openai`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from ragkit_connectors.openai.address import EndpointSettings
from ragkit_connectors.openai.settings import without_ours

_OURS = frozenset({"model", "input", "encoding_format", "dimensions"})


class EmbeddingSettings(EndpointSettings):
    """Where the endpoint is, which model it runs, what its vectors are, and how it is asked."""

    component: ClassVar[str] = "embed/openai"
    most_bytes: ClassVar[int] = 256 * 2**20

    base_url: str = Field(min_length=1, description="Address up to /embeddings: http://localhost:8000/v1.")
    space: str | None = Field(
        None,
        min_length=1,
        description="What the vector space is called: vectors of two are never compared. Left out: `model`.",
    )
    dimension: int | None = Field(
        None, ge=1, description="Length of a vector; left out: `dimensions`, else it is asked for."
    )
    dimensions: int | None = Field(
        None, ge=1, description="Ask the endpoint to shorten vectors to this length; not all models can."
    )
    max_tokens: int = Field(512, ge=8, description="Where the model stops reading; chunks are cut to it.")
    languages: tuple[str, ...] = Field(
        (), description="ISO 639-1 codes the model was trained on; none means any language."
    )
    query_prefix: str = Field("", description="Put before every query, as some models want.")
    passage_prefix: str = Field("", description="Put before every passage.")
    encoding: Literal["base64", "float"] | None = Field(
        "base64",
        description="How vectors travel: base64 is a quarter of the size; null does not ask for either.",
    )
    batch_size: int = Field(
        32, ge=1, le=4096, description="Texts in one request; text-embeddings-inference takes 32."
    )
    batch_tokens: int = Field(
        100_000, ge=8, description="Tokens of all texts in one request, estimated; OpenAI takes 300,000."
    )
    at_once: int = Field(8, ge=1, le=256, description="Requests in flight at most.")
    requests_per_minute: int | None = Field(None, ge=1, description="The account's limit, to keep below it.")
    tokens_per_minute: int | None = Field(None, ge=1, description="Likewise, of tokens as estimated.")
    too_long: Literal["fail", "cut"] = Field(
        "fail",
        description="What to do with a text that the endpoint refuses for its length: an error, or send it "
        "without its end.",
    )
    price: float | None = Field(
        None,
        ge=0.0,
        allow_inf_nan=False,
        description="US dollars for a million tokens; without it the cost is unknown.",
    )
    extra: dict[str, Any] = Field(
        default_factory=dict, description="Further keys of every request, such as truncate_prompt_tokens."
    )
    query_extra: dict[str, Any] = Field(
        default_factory=dict, description="Further keys for queries, such as input_type: query."
    )
    passage_extra: dict[str, Any] = Field(default_factory=dict, description="Further keys for passages.")

    @property
    def path(self) -> str:
        """What follows the address."""
        return "/embeddings"

    @field_validator("extra", "query_extra", "passage_extra")
    @classmethod
    def _leaves_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        return without_ours(extra, _OURS)
