"""The settings of `store/pgvector`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ragkit.secrets import Secret
from ragkit.settings import Settings

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")


class PgSettings(Settings):
    """Where the database is, how tenants are kept apart, and how it is searched."""

    dsn: Secret = Field(
        description="Connection string, for example postgresql://rag@db.example:5432/rag. Name a variable: "
        "${PG_DSN}."
    )
    name: str = Field("ragkit", description="Schema of the database that holds the index, and nothing else.")
    tenancy: Literal["filter", "rls"] = Field(
        "filter", description="rls: the database's row-level security guards tenants, beside the filter."
    )
    index: Literal["none", "hnsw", "ivfflat"] = Field(
        "none", description="none compares with every vector; the others are faster and may miss some."
    )
    halfvec: bool = Field(False, description="Index half-precision copies; scores stay those of float32.")
    exact_below: int = Field(
        20_000, ge=0, description="Where a question may see at most so many chunks, all are compared."
    )
    neighbours: int = Field(16, ge=2, le=100, description="hnsw: links of each vector (m).")
    ef_construction: int = Field(64, ge=4, le=1000, description="hnsw: candidates while building.")
    ef_search: int = Field(100, ge=1, le=1000, description="hnsw: candidates while searching.")
    lists: int = Field(
        0, ge=0, le=32768, description="ivfflat: lists; 0 takes twice the root of the number of chunks."
    )
    probes: int = Field(0, ge=0, le=32768, description="ivfflat: lists searched; 0 takes a quarter of them.")
    pool_size: int = Field(8, ge=1, le=1000, description="Most connections that read at once.")
    connect_timeout_s: float = Field(10.0, gt=0, le=600, description="How long to wait for a connection.")
    statement_timeout_s: float = Field(
        30.0, ge=0, le=86_400, description="How long one statement may run; 0 sets no limit."
    )

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if _NAME.fullmatch(name) is None or name.startswith("pg_"):
            raise ValueError(
                "expected a name of small letters, digits and _, at most 48, that does not begin with a "
                "digit or pg_"
            )
        return name
