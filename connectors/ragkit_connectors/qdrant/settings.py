"""The settings of `store/qdrant`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings
from ragkit_connectors.http_calls import header_key

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
MEMORY = ":memory:"
_COMPARED = {"server": 20_000, "edge": 100_000}  # an engine without network compares these in 10 ms


class QdrantSettings(Settings):
    """Where the server is, which collection holds the index, and how it is searched."""

    url: str | None = Field(None, description="Of the server, for example http://localhost:6333.")
    api_key: Secret | None = Field(None, description="Name a variable: ${QDRANT_API_KEY}.")
    prefer_grpc: bool = Field(False, description="Speak gRPC (port 6334) where the client can.")
    engine: Literal["server", "edge"] = Field(
        "server",
        description="edge: Qdrant's engine within this process, in the folder path; one process at a time.",
    )
    path: str | Path | None = Field(
        None, description="Folder of engine: edge; else of the client's local mode: for trials, slow."
    )
    location: str | None = Field(None, description="':memory:' for a local mode that is gone when closed.")
    collection: str = Field(
        "ragkit", description="Collection of the chunks; its documents lie in NAME__ragkit beside it."
    )
    timeout_s: int = Field(30, ge=1, le=3600, description="How long one call may take.")
    attempts: int = Field(4, ge=1, le=20, description="How often a call is made that fails for now.")
    exact_below: int | None = Field(
        None,
        ge=0,
        description=(
            "Where a question may see at most so many chunks, all are compared; 20,000, with engine: edge "
            "100,000."
        ),
    )
    ef_search: int = Field(128, ge=1, le=10_000, description="Candidates of the HNSW index while searching.")
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @property
    def is_edge(self) -> bool:
        """Whether Qdrant's engine within the process is asked for."""
        return self.engine == "edge"

    @property
    def is_local(self) -> bool:
        """Whether the client's local mode is asked for: no server, and no engine."""
        return self.url is None and not self.is_edge

    @property
    def compared(self) -> int:
        """Where a question may see at most so many chunks, all are compared."""
        return _COMPARED[self.engine] if self.exact_below is None else self.exact_below

    @property
    def meta(self) -> str:
        """The collection of all that is not a chunk."""
        return f"{self.collection}__ragkit"

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: Secret | None) -> Secret | None:
        return header_key(key)

    @field_validator("collection")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                "expected a name of letters, digits, _ and -, at most 100, that begins with a letter or digit"
            )
        return name

    @field_validator("location")
    @classmethod
    def _is_memory(cls, location: str | None) -> str | None:
        if location not in (None, MEMORY):
            raise ValueError("expected ':memory:'. A server is named by url, a folder by path")
        return location

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        named = [name for name in ("url", "path", "location") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                "expected one of url (a server), path (a folder) and location (':memory:'), and found "
                + (" and ".join(named) or "none")
            )
        if self.is_edge and self.path is None:
            raise ValueError("engine: edge lies in a folder: set path, and neither url nor location")
        return self


def where_of(settings: QdrantSettings) -> str:
    """Which index is meant, for people; no secret in it."""
    if settings.url is None:
        place = str(settings.path or settings.location)
    else:
        parts = urlsplit(settings.url)
        place = (parts.hostname or "?") + (f":{parts.port}" if parts.port else "")
    return f"qdrant {place}, collection {settings.collection}"
