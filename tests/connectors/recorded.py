"""What a store is asked to do so that its requests are recorded, and what of these is another each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ragkit.filters import And, Contains, Eq, Gte, Lt, Ne, Not
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine
from ragkit.testing.stores import EAST, NORTH, spec_of

FILTER = And(
    (Ne("lang", "ru"), Gte("year", 2024), Lt("price", 9.5), Not(Contains("note", "x")), Eq("draft", False))
)


def script(make: Callable[[StoreSpec], Any], sent: Callable[[str], None]) -> None:
    """Does each thing once, and says after each what it was."""
    store = make(spec_of(tenant="keyword!", acl=["keyword"]))
    sent("open")
    metadata: dict[str, Any] = {
        "lang": "en", "year": 2024, "price": 1.5, "draft": False, "note": "see", "date": "2025-01-01",
    }  # fmt: skip
    change = put("a", [("one two", EAST), ("two", NORTH)], tenant="acme", acl=["staff"], metadata=metadata)
    store.commit([change, quarantine("q", tenant="acme")])
    sent("commit")
    store.commit([put("a", [("three", EAST)], tenant="acme", acl=["staff"], metadata=metadata)])
    sent("commit that replaces")
    scope = Scope("acme", ("staff", "legal"), FILTER)
    store.search(EAST[None], 3, scope)
    sent("search")
    store.search_terms([["three", "two"]], 3, scope)
    sent("search by terms")
    store.fetch([change.records[0].chunk.id], scope)
    sent("fetch")
    store.counts()
    sent("counts")
    store.compact()
    sent("compact")


def settled(value: Any, text: Callable[[str], str]) -> Any:
    """A body as it is each time: its texts by `text`, who holds a commit and until when as X."""
    if isinstance(value, dict):
        return {key: "X" if key in _VOLATILE else settled(part, text) for key, part in value.items()}
    if isinstance(value, list):
        return [settled(part, text) for part in value]
    return text(value) if isinstance(value, str) else value


_VOLATILE = {"holder", "endsMs", "ends_ms", "nonce"}
