"""The settings of `store/milvus`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


class MilvusSettings(Settings):
    """Where Milvus is, which collection holds the index, and how it is searched."""

    uri: str | None = Field(None, description="Of a server, for example http://localhost:19530.")
    token: Secret | None = Field(
        None, description="USER:PASSWORD or a key. Name a variable: ${MILVUS_TOKEN}."
    )
    database: str = Field("", description="Of the server; its default one if empty.")
    path: str | Path | None = Field(
        None, description="Folder of Milvus Lite, named like milvus.db: one process, small indexes."
    )
    collection: str = Field(
        "ragkit", description="Collection of the chunks; its documents lie in NAME__ragkit beside it."
    )
    index: Literal["flat", "hnsw"] = Field(
        "flat", description="flat compares with all and is exact; hnsw keeps a graph."
    )
    m: int = Field(16, ge=2, le=2048, description="Neighbours of a vector in the HNSW graph.")
    ef_construction: int = Field(200, ge=1, le=10_000, description="Candidates while the graph is built.")
    ef_search: int = Field(128, ge=1, le=10_000, description="Candidates while it is searched.")
    exact_below: int = Field(
        2_000,
        ge=0,
        description="With hnsw: where a question may see at most so many chunks, all are compared.",
    )
    partitions: int = Field(16, ge=1, le=1024, description="Over which tenants' chunks are spread when made.")
    timeout_s: int = Field(30, ge=1, le=3600, description="How long one call may take.")
    attempts: int = Field(4, ge=1, le=20, description="How often a call is made that fails for now.")
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @property
    def is_lite(self) -> bool:
        """Whether Milvus Lite is asked for, within this process, and no server."""
        return self.path is not None

    @property
    def records(self) -> str:
        """The collection of all that is not a chunk."""
        return f"{self.collection}__ragkit"

    @field_validator("collection")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                "expected a name of letters, digits and _, at most 100, that begins with a letter"
            )
        return name

    @field_validator("path")
    @classmethod
    def _is_a_folder(cls, path: str | Path | None) -> str | Path | None:
        if path is not None and not str(path).endswith(".db"):
            raise ValueError("expected a folder whose name ends in .db, for example ./milvus.db")
        return path

    @field_validator("uri")
    @classmethod
    def _is_a_server(cls, uri: str | None) -> str | None:
        if uri is None:
            return None
        parts = _split(uri)
        if parts is None or parts[0] not in ("http", "https") or not parts[1]:
            raise ValueError("expected http://HOST:19530 or https://HOST:19530")
        if parts[2]:
            raise ValueError("a name or a password stands in a URI. Set token")
        return uri

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        named = [name for name in ("uri", "path") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                "expected one of uri (a server) and path (a folder of Milvus Lite), and found "
                + (" and ".join(named) or "none")
            )
        return self


def _split(uri: str) -> tuple[str, str, bool] | None:
    """Scheme, host name, and whether somebody is named; None for what is no URI."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", "@" in parts.netloc
