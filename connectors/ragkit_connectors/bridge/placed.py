"""Passages that another library found → chunks of the collection that hold the same text.

What is shown and cited is always our own chunk, read under the plan's tenant, groups, filter and commit: a
text that the collection does not hold, or not for this reader, becomes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ragkit.protocols import Collection
from ragkit.types import Chunk, QueryPlan, Span

_CHUNK_ID = re.compile(r"[0-9a-f]{32}")
_WORDS = re.compile(r"\w+")
# A run of so many words is hardly ever in two texts by chance.
_RUN = 4
# The part of the shorter text's runs that the other must have.
_SHARED = 0.5
_WINDOW = 48
_WINDOWS = 6
_CANDIDATES = 6


@dataclass(frozen=True)
class Elsewhere:
    """A passage as another library gave it, with what it says of its place in our documents, if anything."""

    text: str
    chunk_id: str | None = field(default=None, kw_only=True)
    document_id: str | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, text: str, *, id: str | None, metadata: Mapping[str, Any]) -> Elsewhere:  # noqa: A002
        """One with the metadata that `RagkitRetriever` and its like give a passage, where it has them."""
        named = metadata.get("id", id)
        document = metadata.get("document_id")
        start, end = metadata.get("start"), metadata.get("end")
        span = (
            Span(start, end)
            if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end
            else None
        )
        return cls(
            text,
            chunk_id=named if isinstance(named, str) and _CHUNK_ID.fullmatch(named) else None,
            document_id=document if isinstance(document, str) else None,
            span=span,
        )

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        """Its runs of words, whatever stands between them."""
        return _runs(self.text)

    def windows(self) -> list[str]:
        """Parts of it to search for: it may hold several chunks."""
        words = self.text.split()
        step = max(_WINDOW, -(-len(words) // _WINDOWS))
        return [" ".join(words[i : i + _WINDOW]) for i in range(0, len(words), step)]

    def is_in(self, chunk: Chunk) -> bool:
        """Whether a chunk holds the same text, or one of them a good part of the other."""
        if self.document_id is not None and self.document_id != chunk.document_id:
            return False
        if self.document_id is not None and self.span is not None:
            shared = min(self.span.end, chunk.span.end) - max(self.span.start, chunk.span.start)
            if shared < _SHARED * min(len(self.span), len(chunk.span)):
                return False
        theirs = _runs(chunk.text)
        least = min(len(self.runs), len(theirs))
        return least > 0 and len(self.runs & theirs) >= _SHARED * least


def placed(found: Sequence[Elsewhere], collection: Collection, plan: QueryPlan) -> list[list[str]]:
    """For each passage the ids of the chunks that hold it, in the order of their place; none where none does.

    A passage that names a chunk of ours is looked up; the others are searched for by their words.
    """
    named = _fetched([e.chunk_id for e in found if e.chunk_id is not None], collection, plan)
    ids: list[list[str]] = []
    for elsewhere in found:
        chunk = named.get(elsewhere.chunk_id or "")
        ids.append([chunk.id] if chunk is not None and elsewhere.is_in(chunk) else [])
    left = [i for i, own in enumerate(ids) if not own]
    asked = [(i, window) for i in left for window in found[i].windows()]
    if asked:
        hits = collection.bm25([window for _, window in asked], _CANDIDATES, plan)
        candidates = [(i, batch.id_list()) for (i, _), batch in zip(asked, hits, strict=True)]
        chunks = _fetched([id_ for _, batch in candidates for id_ in batch], collection, plan)
        for i in left:
            near = dict.fromkeys(id_ for j, batch in candidates if j == i for id_ in batch if id_ in chunks)
            same = [chunks[id_] for id_ in near if found[i].is_in(chunks[id_])]
            ids[i] = [chunk.id for chunk in sorted(same, key=lambda c: (c.document_id, c.span, c.id))]
    return ids


def _fetched(ids: Sequence[str], collection: Collection, plan: QueryPlan) -> dict[str, Chunk]:
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    return {chunk.id: chunk for chunk in collection.fetch(wanted, plan) if chunk is not None}


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    length = min(_RUN, len(words))
    return (
        frozenset(tuple(words[i : i + length]) for i in range(len(words) - length + 1))
        if words
        else frozenset()
    )
