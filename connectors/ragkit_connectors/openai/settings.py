"""The settings of `llm/openai`."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ragkit.models.price import Price as Price
from ragkit.secrets import Secret
from ragkit.settings import Settings

_OURS = frozenset({"model", "messages", "stream", "stream_options", "response_format", "n"})


class OpenAISettings(Settings):
    """Where the endpoint is, which model it runs, and how long it is waited for."""

    base_url: str = Field(
        min_length=1,
        description="Address up to /chat/completions: http://localhost:8000/v1.",
    )
    model: str = Field(min_length=1, description="The model's name at the endpoint.")
    api_key: Secret | None = Field(None, description="Sent as a bearer token; left out where none is wanted.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="Further headers; never shown.")
    price: Price | None = Field(None, description="What tokens cost; without it the cost is unknown.")
    max_tokens: int = Field(1024, ge=1, description="An answer is cut after so many tokens.")
    temperature: float | None = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="0 for the most likely text; null where a model refuses it.",
    )
    timeout_s: float = Field(60.0, gt=0.0, description="Seconds for a whole call, repeats included.")
    connect_s: float = Field(10.0, gt=0.0, description="Seconds to reach the endpoint.")
    first_token_s: float | None = Field(
        None, gt=0.0, description="Seconds to the first piece of a stream, for each attempt."
    )
    stall_s: float = Field(30.0, gt=0.0, description="Seconds between two pieces of a stream.")
    retries: int = Field(2, ge=0, le=10, description="Further attempts while nothing has come back.")
    structured: Literal["json_schema", "json_object", "none"] = Field(
        "json_schema", description="How the endpoint is asked for JSON of a schema."
    )
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="What the endpoint calls the limit; OpenAI's newer models want the second."
    )
    stream_usage: bool = Field(True, description="Ask for token counts in streams; some endpoints refuse it.")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="Further keys of the request, such as seed or top_p."
    )

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str) -> str:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://api.example.com/v1")
        return base_url

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: Secret | None) -> Secret | None:
        if key is None:
            return None
        text = key.reveal().strip()
        if not text.isascii() or not text.isprintable():
            raise ValueError("it holds a character that no header may hold; is it the key, and only the key?")
        return Secret(text)

    @field_validator("headers")
    @classmethod
    def _fit_a_request(cls, headers: dict[str, Secret]) -> dict[str, Secret]:
        for name, value in headers.items():
            if not all(text.isascii() and text.isprintable() for text in (name, value.reveal())):
                raise ValueError(f"{name!r}: a name or value that no header may hold")
        return headers

    @field_validator("extra")
    @classmethod
    def _leaves_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        ours = sorted(
            {"model", "messages", "stream", "stream_options", "response_format", "n"} & extra.keys()
        )
        if ours:
            raise ValueError(f"{', '.join(ours)}: ragkit sets it itself")
        return extra

    @property
    def endpoint(self) -> str:
        """The address without user, password and query, for messages."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"

    @property
    def url(self) -> str:
        """Where requests go."""
        parts = urlsplit(self.base_url)
        return parts._replace(path=f"{parts.path.rstrip('/')}/chat/completions").geturl()
