"""Texts from rules and models, made into queries of a plan: cleaned, bounded, each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ragkit.types import Query, QueryPlan

MAX_CHARS = 2000


def clean(text: str, limit: int = MAX_CHARS) -> str:
    """A text in one line, without characters that cannot be stored or shown, at most `limit` of them.

    >>> clean(" How \\n long\\ud800? ")
    'How long?'
    """
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * limit] if not "\ud800" <= c <= "\udfff")
    return " ".join(shown.split())[:limit].rstrip()


def with_queries(
    plan: QueryPlan, texts: Iterable[str], *, name: str, weight: float, most: int | None = None
) -> QueryPlan:
    """The plan with further queries; texts that it searches with already, and empty ones, are left out.

    Args:
        texts: in order; at most `most` of them are taken.
        name: what the ids of the queries begin with.
        weight: of each of them in fusion.

    >>> plan = with_queries(QueryPlan.of("How long?"), ["how long?", "What term?"], name="more", weight=0.5)
    >>> [(query.id, query.text, query.weight) for query in plan.queries]
    [('q', 'How long?', 1.0), ('more-1', 'What term?', 0.5)]
    """
    known = {query.text.casefold() for query in plan.queries}
    ids = {query.id for query in plan.queries}
    added: list[Query] = []
    number = 0
    for text in map(clean, texts):
        if most is not None and len(added) >= most:
            break
        if not text or text.casefold() in known:
            continue
        known.add(text.casefold())
        number += 1
        while f"{name}-{number}" in ids:
            number += 1
        added.append(Query(f"{name}-{number}", text, weight=weight))
    return replace(plan, queries=(*plan.queries, *added)) if added else plan
