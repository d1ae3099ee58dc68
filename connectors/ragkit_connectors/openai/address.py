"""Where an endpoint is, and how long it is waited for: the settings of all that ask one over HTTP."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings


class EndpointSettings(Settings):
    """An address, a model there, the key and the patience.

    >>> EndpointSettings(base_url="http://user:secret@localhost:8000/v1?version=1", model="m").endpoint
    'http://localhost:8000/v1'
    """

    component: ClassVar[str] = "llm/openai"
    """The registered name of what is configured, for messages."""
    most_bytes: ClassVar[int] = 16 * 2**20
    """A longer reply is refused."""

    base_url: str = Field(min_length=1, description="Address of the server: http://localhost:8000/v1.")
    model: str = Field(min_length=1, description="The model's name at the endpoint.")
    api_key: Secret | None = Field(None, description="Sent as a bearer token; left out where none is wanted.")
    headers: dict[str, Secret] = Field(default_factory=dict, description="Further headers; never shown.")
    timeout_s: float = Field(60.0, gt=0.0, description="Seconds for a whole call, repeats included.")
    connect_s: float = Field(10.0, gt=0.0, description="Seconds to reach the endpoint.")
    retries: int = Field(2, ge=0, le=10, description="Further attempts while nothing has come back.")

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

    @property
    def endpoint(self) -> str:
        """The address without user, password and query, for messages."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"

    @property
    def path(self) -> str:
        """What follows the address."""
        return "/chat/completions"

    @property
    def url(self) -> str:
        """Where requests go."""
        parts = urlsplit(self.base_url)
        return parts._replace(path=f"{parts.path.rstrip('/')}{self.path}").geturl()
