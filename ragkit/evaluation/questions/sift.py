"""Which drafts are left out: those that another document answers too, and those that are asked already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ragkit.evaluation.questions.draft import Draft
from ragkit.evaluation.questions.material import Material, Rival
from ragkit.text.twins import Twins
from ragkit.types import Span

_HOLDS_ALL = 0.9  # of a question's words by idf: such a passage speaks of the same
_HOLDS_MOST = 0.6  # of them, and the answer: such a passage answers it too
_AS_GOOD = 0.9  # of the gold passage's score, for keywords, which have neither answer nor subject


@dataclass(frozen=True, slots=True)
class Sifted:
    """A draft that is good enough.

    Args:
        draft: the draft.
        bm25_rank: where BM25 finds its document, from 1 on; 0 where it does not.
    """

    draft: Draft
    bm25_rank: int = field(kw_only=True)


def sifted(drafts: Iterable[Draft], material: Material) -> Iterator[Sifted]:
    """The drafts that are asked once and that no other document answers as well.

    Another document does where one of its passages holds nine tenths of the question's words, whatever it
    says of them, or six tenths and the answer. Keywords, which answer nothing, are left out where BM25 likes
    another document nine tenths as much too: they are easy for it by their making. Words count by idf.
    """
    seen: set[frozenset[str]] = set()
    for draft in drafts:
        words = material.content(draft.text)
        if words in seen:
            continue
        seen.add(words)
        rank, rivals = material.rivals(draft.text, draft.document_id)
        if rank and not any(_is_answered(rival, draft) for rival in rivals):
            yield Sifted(draft, bm25_rank=rank)


def without_twins(kept: Iterable[Sifted]) -> list[Sifted]:
    """The questions but those of one document that share half of their word sequences with an earlier one;
    of a row of a table the first."""
    texts: dict[str, list[str]] = {}
    rows: set[tuple[str, Span]] = set()
    taken: list[Sifted] = []
    for one in kept:
        draft = one.draft
        same = texts.setdefault(draft.document_id, [])
        row = (draft.document_id, draft.span)
        if (draft.kind == "table" and row in rows) or (same and Twins(same).hold(draft.text)):
            continue
        same.append(draft.text)
        rows.add(row)
        taken.append(one)
    return taken


def _is_answered(rival: Rival, draft: Draft) -> bool:
    if rival.coverage >= _HOLDS_ALL:
        return True
    if not draft.answers:
        return draft.kind == "keywords" and rival.share >= _AS_GOOD
    shortest = min(draft.answers, key=len).lower()
    return rival.coverage >= _HOLDS_MOST and shortest in " ".join(rival.chunk.text.lower().split())
