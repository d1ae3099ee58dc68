"""Which passages of a foreign index can be taken, and what is wrong with each of the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragkit.errors import ImportRefusedError
from ragkit.fields import FieldSpec, problems_of, shown
from ragkit.ingest.fit import fitted
from ragkit.ingest.imports.metadata import own_metadata
from ragkit.protocols import ForeignIndex, ForeignPassage, Vectors
from ragkit.types import Metadata

_LISTED = 5
_SHOWN = 80
_SHORTEST = 1e-6
# What no store takes as text.
_UNWANTED = re.compile("[\x00\ud800-\udfff]")
_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Skipped:
    """A passage that is not taken, with its number in the index, from 1."""

    n: int
    id: str = field(kw_only=True)
    reason: str = field(kw_only=True)

    @property
    def line(self) -> str:
        """One line on it."""
        name = self.id if len(self.id) <= _SHOWN else f"{self.id[:_SHOWN]}…"
        return f"passage {self.n} ({name}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A passage that can be taken: the number of its row, its id and text, and its metadata as ours.

    The rest is as `ForeignPassage` has it.
    """

    row: int
    id: str = field(kw_only=True)
    text: str = field(kw_only=True)
    metadata: Metadata = field(kw_only=True)
    source: str | None = field(default=None, kw_only=True)
    part: str = field(default="", kw_only=True)
    start: int | None = field(default=None, kw_only=True)
    page: int | None = field(default=None, kw_only=True)
    embedded: str | None = field(default=None, kw_only=True)


def checked(
    index: ForeignIndex, fields: Mapping[str, FieldSpec], given: Metadata
) -> tuple[list[Taken], list[Skipped]]:
    """The passages that can be taken, in order, and the others.

    Args:
        index: as it was read.
        fields: those that the collection declares.
        given: fields that every passage gets.
    """
    taken, skipped = list[Taken](), list[Skipped]()
    seen: dict[str, int] = {}
    of_vectors = _problems_of_vectors(index.vectors)
    for row, passage in enumerate(index.passages):
        name = passage.id if isinstance(passage.id, str) else shown(passage.id, 60)
        try:
            if passage.problem or of_vectors.get(row):
                raise ValueError(passage.problem or of_vectors[row])
            one = _taken(row, passage, fields, given)
            earlier = seen.setdefault(one.id, row)
            if earlier != row:
                raise ValueError(f"its id is that of passage {earlier + 1}, too. Give each its own")
            taken.append(one)
        except ValueError as e:
            skipped.append(Skipped(row + 1, id=name, reason=str(e)))
    return taken, skipped


def refuse_skipped(skipped: Sequence[Skipped], n_read: int) -> None:
    """Refuses an index of which passages cannot be taken.

    Raises:
        ImportRefusedError: there are some.
    """
    if skipped:
        more = [f"… and {len(skipped) - _LISTED:,} more"] if len(skipped) > _LISTED else []
        raise ImportRefusedError(
            f"{len(skipped):,} of {n_read:,} passages cannot be taken, and nothing was written. Mend the "
            "index they are from, or leave them out with --skip-bad; the report then names each:",
            problems=[*(one.line for one in skipped[:_LISTED]), *more],
        )


def _taken(row: int, passage: ForeignPassage, fields: Mapping[str, FieldSpec], given: Metadata) -> Taken:
    if not isinstance(passage.id, str) or not passage.id.strip():
        raise ValueError(f"its id is {shown(passage.id, 60)}: expected text")
    if not isinstance(passage.text, str):
        raise ValueError(f"its text is {type(passage.text).__name__}: expected text")
    if not passage.text.strip():
        raise ValueError("its text is empty")
    metadata: dict[str, Any] = fitted({**own_metadata(passage.metadata, passage.id), **given}, fields)
    for what, text in (("text", passage.text), ("id", passage.id), ("source", passage.source or "")):
        if found := _UNWANTED.search(text):
            raise ValueError(
                f"its {what} holds {found[0]!r} at {found.start()}, which no store takes as text"
            )
    if problems := problems_of(metadata, fields):
        raise ValueError("; ".join(problems))
    return Taken(
        row,
        id=passage.id,
        text=passage.text,
        metadata=metadata,
        source=passage.source,
        part=passage.part,
        start=passage.start,
        page=passage.page,
        embedded=passage.embedded,
    )


def _problems_of_vectors(vectors: Vectors) -> dict[int, str]:
    problems = {}
    for first in range(0, len(vectors), _ROWS):
        block = np.asarray(vectors[first : first + _ROWS], np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        for at in np.flatnonzero(~(lengths > _SHORTEST) | ~np.isfinite(lengths)):
            is_zero = np.isfinite(lengths[at])
            problems[first + int(at)] = (
                "its vector is of zeros: nothing is near it"
                if is_zero
                else "its vector holds NaN or infinity"
            )
    return problems
