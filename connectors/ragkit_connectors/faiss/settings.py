"""What can be set of `index/faiss`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ragkit.settings import Settings

KindName = Literal["auto", "flat", "hnsw", "ivf", "ivf-pq", "sq8", "rabitq", "cagra"]
ON_GPU = ("auto", "flat", "ivf", "ivf-pq", "cagra")


class FaissSettings(Settings):
    """Kind, device and trade-offs of the index."""

    kind: KindName = Field("flat", description="Exact (flat), or approximate and faster or smaller.")
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="Where to search. auto: on GPUs, if FAISS finds any and the kind can be there."
    )
    recall: float = Field(
        0.95, ge=0.5, le=1.0, description="auto: share of the ten nearest that a search should find."
    )
    neighbours: int = Field(32, ge=4, le=256, description="HNSW: links per vector.")
    ef_construction: int = Field(200, ge=8, le=4096, description="HNSW: effort when building.")
    ef_search: int = Field(128, ge=8, le=4096, description="HNSW: effort when searching.")
    lists: int | None = Field(
        None, ge=1, le=65_536, description="IVF: lists per part; by its rows, if not given."
    )
    probes: int = Field(64, ge=1, le=2048, description="IVF: lists that a search reads.")
    code_bytes: int | None = Field(
        None, ge=1, le=512, description="ivf-pq: bytes per vector, a divisor of its length; an eighth of it."
    )
    train_rows: int = Field(
        10_000, ge=256, description="IVF and compressed kinds: a part of fewer rows is compared exactly."
    )
    candidates: int = Field(
        16, ge=1, le=200, description="Compressed kinds: vectors compared exactly for each one asked for."
    )
    filter_cache_mb: int = Field(
        128, ge=0, description="Most memory for copies of the vectors that filters in use allow."
    )

    @model_validator(mode="after")
    def _can_be_there(self) -> Self:
        if self.device == "gpu" and self.kind not in ON_GPU:
            raise ValueError(
                f"kind: {self.kind} cannot be on a GPU; choose one of {', '.join(ON_GPU)}, or device: cpu"
            )
        if self.device == "cpu" and self.kind == "cagra":
            raise ValueError("kind: cagra is a graph on a GPU; on a CPU choose kind: hnsw")
        return self
