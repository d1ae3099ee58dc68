"""What reads an index of another library must give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from ragkit.protocols.models import Vectors

Metric = Literal["cosine", "l2", "inner product"]


@dataclass(frozen=True, slots=True)
class ForeignPassage:
    """A passage as another library keeps it; `text` and `metadata` may be anything that was found there.

    Args:
        id: its id there.
        text: what it says.
        metadata: what is known of it.
        source: the file or address that its document came from, or whatever names that document; None where
            nobody says.
        part: what of the source `start` counts in, for example a page; empty for all of it.
        start: where it begins, in characters; None where that is not known.
        page: the page that its part is, from 1.
        embedded: what its vector was made of, where that is more than its text.
        problem: what is wrong with it, where the reader saw that already.
    """

    id: Any
    text: Any
    metadata: Any
    source: str | None = field(default=None, kw_only=True)
    part: str = field(default="", kw_only=True)
    start: int | None = field(default=None, kw_only=True)
    page: int | None = field(default=None, kw_only=True)
    embedded: str | None = field(default=None, kw_only=True)
    problem: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class ForeignIndex:
    """All passages of an index of another library, in its order.

    Args:
        passages: one for each row of `vectors`.
        vectors: shape `[n, d]`, as they are kept there; a row without a vector is of zeros, and its passage
            has a problem.
        metric: by what the vectors were compared; None where nobody says.
        originals: whole texts of parts by source and part, where the library keeps them.
        notes: what a reader of the report is to know.
    """

    passages: Sequence[ForeignPassage]
    vectors: Vectors = field(kw_only=True)
    metric: Metric | None = field(default=None, kw_only=True)
    originals: Mapping[tuple[str, str], str] = field(default_factory=dict, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)


@runtime_checkable
class ForeignIndexReader(Protocol):
    """Reads an index of another library, without changing it and without running anything that is in it."""

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """What is in the index.

        Args:
            path: its folder or file.
            name: which collection of it, where there may be several.

        Raises:
            ConfigError: there is no such index there, it cannot be read, or several are there and none is
                named.
        """
        ...
