"""What an answer depends on beside the graph: who asks, of which documents, what."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import fields

from ragkit.filters import And, Filter, In, NotIn, Or
from ragkit.types import QueryPlan

Key = bytes
_IN_ANY_ORDER = (And, Or, In, NotIn)


def reader_key(plan: QueryPlan) -> Key:
    """All that decides which documents a plan may read: tenant, groups, filter, pinned commit; 16 bytes.

    Groups are a set, and so are the parts of a filter that stand beside one another.

    >>> reader_key(QueryPlan.of("?", acl=["a", "b"])) == reader_key(QueryPlan.of("?", acl=["b", "a", "b"]))
    True
    >>> reader_key(QueryPlan.of("?", tenant="a")) == reader_key(QueryPlan.of("?", tenant="b"))
    False
    """
    acl = None if plan.acl is None else sorted(set(plan.acl))
    return _digest((plan.tenant, acl, _canonical(plan.filter), plan.commit))


def question_key(plan: QueryPlan) -> Key:
    """The same with the question, exactly but for its Unicode form and its edges, and the turns before it.

    >>> question_key(QueryPlan.of("Why? ")) == question_key(QueryPlan.of("Why?"))
    True
    >>> question_key(QueryPlan.of("Why?")) == question_key(QueryPlan.of("why?"))
    False
    """
    history = [(turn.role, turn.text) for turn in plan.history]
    return _digest((reader_key(plan), plain(plan.question), history))


def plain(question: str) -> str:
    """The question without what no reader sees: composed letters, nothing around it."""
    return unicodedata.normalize("NFC", question).strip()


def _canonical(part: object) -> object:
    """A filter as plain values, the same for two that differ in order alone."""
    if not isinstance(part, Filter):
        return (
            part if isinstance(part, bool | int | float | str | None) else (type(part).__name__, repr(part))
        )
    own = [getattr(part, field.name) for field in fields(part)]  # type: ignore[arg-type]
    values = [tuple(map(_canonical, one)) if isinstance(one, tuple) else _canonical(one) for one in own]
    if isinstance(part, _IN_ANY_ORDER):
        values = [tuple(sorted(one, key=repr)) if isinstance(one, tuple) else one for one in values]
    return (type(part).__name__, *values)


def _digest(parts: object) -> Key:
    # The representation of plain values tells 1 from True and "1", and escapes what a text holds.
    return hashlib.sha256(repr(parts).encode()).digest()[:16]
