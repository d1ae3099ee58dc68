"""The settings of `store/lancedb`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from ragkit.settings import Settings

Kind = Literal["none", "ivf", "ivf-pq", "hnsw"]


class LanceSettings(Settings):
    """Which folder holds the index, and how it is searched."""

    path: str | Path = Field(description="Folder of the index, on a local disk.")
    index: Kind = Field("none", description="`none` compares every vector; the others may miss a neighbour.")
    exact_below: int = Field(
        20_000, ge=0, description="Where a question may see at most so many chunks, all are compared."
    )
    partitions: int = Field(0, ge=0, description="Of the index; 0 takes the root of the number of chunks.")
    probes: int = Field(0, ge=0, description="Partitions that are searched; 0 takes a quarter of them.")
    ef_search: int = Field(200, ge=1, le=10_000, description="Candidates of `hnsw` while searching.")
    candidates: int = Field(
        4, ge=1, le=100, description="How many times k are compared again with the vectors themselves."
    )
    lease_s: int = Field(
        120, ge=5, le=86_400, description="How long a writer that is silent keeps others from writing."
    )

    @field_validator("path")
    @classmethod
    def _is_folder(cls, path: str | Path) -> str | Path:
        if "://" in str(path) or not str(path) or "\0" in str(path):
            raise ValueError("expected a folder on this machine. Object stores are not supported here")
        return path
