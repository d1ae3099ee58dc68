"""The settings of `store/opensearch`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


class OpenSearchSettings(Settings):
    """Where the cluster is, which index is meant, and how it is searched."""

    hosts: tuple[str, ...] = Field(description="Of the cluster, for example [https://localhost:9200].")
    user: str | None = Field(None, description="Name of the user, where the cluster asks for one.")
    password: Secret | None = Field(None, description="Name a variable: ${OPENSEARCH_PASSWORD}.")
    verify_certs: bool = Field(True, description="Whether the server's certificate must be a known one's.")
    ca_certs: Path | None = Field(None, description="File of the authority that signed the certificate.")
    name: str = Field(
        "ragkit", description="Index of the chunks; its documents lie in NAME__ragkit beside it."
    )
    engine: Literal["lucene", "faiss", "exact"] = Field(
        "lucene", description="What searches vectors; exact compares with all and keeps no graph."
    )
    m: int = Field(16, ge=2, le=100, description="Neighbours of a vector in the HNSW graph.")
    ef_construction: int = Field(128, ge=2, le=10_000, description="Candidates while the graph is built.")
    ef_search: int = Field(128, ge=1, le=10_000, description="Candidates while it is searched.")
    exact_below: int = Field(
        20_000, ge=0, description="Where a question may see at most so many chunks, all are compared."
    )
    shards: int = Field(1, ge=1, le=1024, description="Of the chunks' index; a tenant lies in one of them.")
    replicas: int = Field(1, ge=0, le=100, description="Copies of each shard beside the first.")
    tenancy: Literal["filter", "dls"] = Field(
        "filter", description="dls: read only, under a role whose document-level security is in force."
    )
    timeout_s: int = Field(30, ge=1, le=3600, description="How long one call may take.")
    attempts: int = Field(4, ge=1, le=20, description="How often a call is made that fails for now.")
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @property
    def records(self) -> str:
        """The index of all that is not a chunk."""
        return f"{self.name}__ragkit"

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                "expected a name of small letters, digits, _ and -, at most 100, that begins with a letter "
                "or digit"
            )
        return name

    @field_validator("hosts")
    @classmethod
    def _are_urls(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not hosts:
            raise ValueError("expected at least one, for example [https://localhost:9200]")
        for host in hosts:
            parts = _split(host)
            if parts is None or parts[0] not in ("http", "https") or not parts[1]:
                raise ValueError("expected http://HOST:9200 or https://HOST:9200")
            if parts[2]:
                raise ValueError("a name or a password stands in a URL. Set user and password")
        return hosts

    @model_validator(mode="after")
    def _is_one_login(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("expected both of user and password, or neither")
        return self


def _split(host: str) -> tuple[str, str, bool] | None:
    """Scheme, host name, and whether somebody is named; None for what is no URL."""
    try:
        parts = urlsplit(host)
        _ = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", "@" in parts.netloc
