"""The settings of `store/weaviate`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings
from ragkit_connectors.http_calls import header_key, plain_url

_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,99}")


class WeaviateSettings(Settings):
    """Where the server is, which collections hold the index, and how they are searched."""

    url: str = Field(description="Of the server, for example http://localhost:8080.")
    api_key: Secret | None = Field(None, description="Name a variable: ${WEAVIATE_API_KEY}.")
    name: str = Field(
        "Ragkit", description="Collection of the chunks; its documents and commits lie in NAME__… beside it."
    )
    index: Literal["hnsw", "flat"] = Field(
        "hnsw", description="What searches vectors; flat compares with all and keeps no graph."
    )
    m: int = Field(32, ge=4, le=2047, description="Most neighbours of a vector in the HNSW graph.")
    ef_construction: int = Field(128, ge=4, le=10_000, description="Candidates while the graph is built.")
    ef_search: int = Field(128, ge=1, le=10_000, description="Candidates while it is searched.")
    exact_below: int = Field(
        20_000, ge=0, description="Where a question may see at most so many chunks, all are compared."
    )
    tenancy: Literal["filter", "native"] = Field(
        "filter", description="native: each tenant's chunks in a shard of its own (multi-tenancy)."
    )
    replicas: int = Field(1, ge=1, le=100, description="Copies of each shard, the first one counted.")
    timeout_s: int = Field(30, ge=1, le=3600, description="How long one call may take.")
    attempts: int = Field(4, ge=1, le=20, description="How often a call is made that fails for now.")
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @property
    def records(self) -> str:
        """The collection of documents and states."""
        return f"{self.name}__records"

    @property
    def heads(self) -> str:
        """What the names of the records of commits begin with."""
        return f"{self.name}__head_"

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: Secret | None) -> Secret | None:
        return header_key(key)

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                "expected a name of letters and digits, at most 100, that begins with a capital letter"
            )
        return name

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return plain_url(url, "expected http://HOST:8080 or https://HOST")
