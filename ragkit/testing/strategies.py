"""Hypothesis strategies for filters, metadata and histories of commits. Needs the package hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from ragkit.filters import (
    And,
    Contains,
    Eq,
    Exists,
    Filter,
    Gt,
    Gte,
    In,
    Lt,
    Lte,
    Ne,
    Not,
    NotIn,
    Or,
)
from ragkit.protocols import Change
from ragkit.testing.data import FIELDS as FIELDS
from ragkit.testing.data import put, quarantine, remove, unit

# Few values of each type, with the pairs that are often confused: 1 and 1.0 and True, "1" and 1, whole
# numbers that no float tells apart, one instant in two zones, upper and lower case, composed and decomposed
# letters.
TENANTS = ("acme", "Acme", "globex")
GROUPS = ("staff", "legal", "all")
WORDS = ("warranty", "return", "гарантия", "scanner", "a", "years", "shop", "é")
_KEYWORDS = ("en", "ru", "EN", "1", "", "é", "e\u0301", " en", "ß", "ss", "a\x00b", "😀")
_INTEGERS = (-1, 0, 1, 2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
_NUMBERS = (-0.5, 0, 0.0, -0.0, 1, 1.0, 2.5, 0.3, 0.1 + 0.2, 1e300, 5e-324, 2**53 + 1)
_DATES = (
    "2025-01-01",
    "2025-01-01T00:00:00Z",
    "2025-01-01T03:00:00+03:00",
    "20250101T000000.000001Z",
    "2024-12-31T23:59:59",
    "1969-07-20",
    "0001-01-01",
    "9999-12-31T23:59:59.999999Z",
)
_MOMENTS = (
    datetime(2025, 1, 1, tzinfo=UTC),
    datetime(2025, 1, 1, 3, tzinfo=timezone(timedelta(hours=3))),
    datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=timezone(timedelta(hours=14))),
)
# What a document may hold in each of `FIELDS`; a list holds several of these.
STORED: Mapping[str, tuple[Any, ...]] = {
    "lang": _KEYWORDS,
    "tags": _KEYWORDS,
    "note": ("", "see the FAQ", "faq", "смотри FAQ"),
    "year": _INTEGERS,
    "price": _NUMBERS,
    "draft": (False, True),
    "date": _DATES,
    "sizes": _INTEGERS,
}
# What a filter may ask for.
_WANTED: Mapping[str, tuple[Any, ...]] = {
    **STORED,
    "note": ("", "FAQ", "faq", "see the FAQ"),
    "year": (*_INTEGERS, 0.5, 1.0, float(2**53), 10**400),
    "price": (*_NUMBERS, -(10**400)),
    "date": _MOMENTS,
}
_RANGED = ("year", "price", "date", "sizes")
_CONTAINED = ("tags", "note", "sizes")


def metadata() -> st.SearchStrategy[dict[str, Any]]:
    """Metadata that fits `FIELDS`; any field may be missing or null, and there may be an undeclared one."""
    optional = {name: _stored(name) | st.none() for name in STORED}
    return st.fixed_dictionaries({}, optional={**optional, "other": st.just("x")})


def _stored(name: str) -> st.SearchStrategy[Any]:
    values = st.sampled_from(STORED[name])
    return st.lists(values, max_size=3) if FIELDS[name].many else values


def filters() -> st.SearchStrategy[Filter]:
    """Filters over `FIELDS`, of a few levels."""
    return st.recursive(
        leaves(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(tuple).map(And),
            st.lists(inner, max_size=3).map(tuple).map(Or),
            inner.map(Not),
        ),
        max_leaves=6,
    )


@st.composite
def leaves(draw: st.DrawFn) -> Filter:
    """Filters of one comparison."""
    name = draw(st.sampled_from(sorted(_WANTED)))
    values = st.sampled_from(_WANTED[name])
    kinds: list[Any] = [Eq, Ne, In, NotIn, Exists]
    kinds += [Gt, Gte, Lt, Lte] if name in _RANGED else []
    kinds += [Contains] if name in _CONTAINED else []
    kind = draw(st.sampled_from(kinds))
    if kind is Exists:
        return Exists(name)
    if kind in (In, NotIn):
        return kind(name, tuple(draw(st.lists(values, max_size=3))))  # type: ignore[no-any-return]
    return kind(name, draw(values))  # type: ignore[no-any-return]


# Few directions and many repeats: ties are the rule.
VECTORS = st.lists(st.sampled_from([-1.0, 0.0, 0.0, 0.5, 1.0]), min_size=4, max_size=4).map(unit)
_TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
TERMS = st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=5)
_DOCUMENT_IDS = st.sampled_from(["a", "b", "c", "d/1", "документ"])


@dataclass(frozen=True, slots=True)
class Shape:
    """Whether the documents of a history have tenants and acl."""

    tenants: bool
    acl: bool


@st.composite
def commits(draw: st.DrawFn, shape: Shape) -> list[Change]:
    """One commit: documents written, replaced, removed and quarantined, each at most once."""
    owners = st.sampled_from(TENANTS) if shape.tenants else st.just("")
    keys = draw(st.lists(st.tuples(owners, _DOCUMENT_IDS), max_size=4, unique=True))
    return [draw(_changes(tenant, document_id, shape)) for tenant, document_id in keys]


@st.composite
def _changes(draw: st.DrawFn, tenant: str, document_id: str, shape: Shape) -> Change:
    kind = draw(st.sampled_from(["put", "put", "put", "put", "remove", "quarantine"]))
    if kind == "remove":
        return remove(document_id, tenant=tenant)
    if kind == "quarantine":
        return quarantine(document_id, tenant=tenant)
    return put(
        document_id,
        draw(st.lists(st.tuples(_TEXTS, VECTORS), max_size=4)),
        tenant=tenant,
        metadata=draw(metadata()),
        acl=draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)) if shape.acl else (),
    )
