"""The settings of `store/pinecone`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings
from ragkit_connectors.http_calls import header_key, plain_url

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class PineconeSettings(Settings):
    """Which index of Pinecone, which namespaces in it hold ours, and how it is searched."""

    host: str = Field(description="Of the index, for example https://NAME-abc123.svc.REGION.pinecone.io.")
    api_key: Secret | None = Field(None, description="Name a variable: ${PINECONE_API_KEY}.")
    name: str = Field("ragkit", description="What the names of the namespaces begin with.")
    tenancy: Literal["filter", "namespaces"] = Field(
        "filter", description="namespaces: each tenant's chunks in a namespace of its own."
    )
    exact_below: int = Field(
        0,
        ge=0,
        description="Where a question may see at most so many chunks, all are read and compared here.",
    )
    timeout_s: int = Field(30, ge=1, le=3600, description="How long one call may take.")
    attempts: int = Field(6, ge=1, le=20, description="How often a call is made that fails for now.")
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @property
    def records(self) -> str:
        """The namespace of documents, states and what the record of commits says."""
        return f"{self.name}.records"

    @property
    def parts(self) -> str:
        """The namespace of texts, which no search goes through."""
        return f"{self.name}.parts"

    @property
    def chunks(self) -> str:
        """The namespace of the chunks, or what the names of the tenants' begin with."""
        return f"{self.name}.chunks"

    @property
    def heads(self) -> str:
        """What the names of the states of the record of commits begin with."""
        return f"{self.name}.head."

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: Secret | None) -> Secret | None:
        return header_key(key)

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                "expected a name of letters, digits, _ and -, at most 100, that begins with a letter or digit"
            )
        return name

    @field_validator("host")
    @classmethod
    def _is_url(cls, host: str) -> str:
        return plain_url(host, "expected http://HOST or https://HOST, as the console shows it")
