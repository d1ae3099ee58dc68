"""Random calls across tenants and groups, the same on every store: nothing of somebody else comes back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ragkit.errors import FilterError, StoreError, TenantError
from ragkit.filters import Contains, Eq, Exists, Filter, Gte, In, Lt, Ne, Not, NotIn, Or
from ragkit.protocols import Scope, SparseIndex, VectorStore
from ragkit.testing.data import put, unit
from ragkit.testing.stores import spec_of
from tests.hostile import MALFORMED, STRANGERS, TENANTS

SEED = 20
SPEC = spec_of(tenant="keyword!", acl=["keyword"])
GROUPS = ("staff", "legal")
_NAMES: list[Any] = [
    *TENANTS,
    *STRANGERS,
    *(name for name in MALFORMED if isinstance(name, str | int | bytes | None)),
]


class Store(VectorStore, SparseIndex, Protocol):
    """What answers by vectors and by words."""


@dataclass(slots=True)
class Calls:
    """How many calls were answered and refused, and how many hits the answers held."""

    answered: int = 0
    refused: int = 0
    hits: int = 0

    @property
    def n(self) -> int:
        """All calls."""
        return self.answered + self.refused


def call_across_tenants(
    store: Store, n_calls: int, before_each: Callable[[random.Random], None] = lambda rng: None
) -> Calls:
    """Fills an empty store of `SPEC`, then asks in the name of tenants, of strangers and of what is none.

    Args:
        n_calls: each is a search by vector or by words, or fetches chunks or vectors by their ids.
        before_each: may make the server behave otherwise for the next call.

    Raises:
        AssertionError: a hit is not of the tenant that asked, or of none of its groups.
    """
    changes = [
        put(f"d{group}", [(f"{tenant} {group} common", unit([1, i]))], tenant=tenant, acl=[group],
            metadata={"lang": "en", "year": i})
        for i, tenant in enumerate(TENANTS) for group in GROUPS
    ]  # fmt: skip
    store.commit(changes)
    owner = {c.records[0].chunk.id: (c.state.tenant, c.records[0].chunk.acl[0]) for c in changes}
    rng, calls = random.Random(SEED), Calls()
    while calls.n < n_calls:
        before_each(rng)
        tenant, acl = rng.choice(_NAMES), tuple(rng.sample(GROUPS, rng.randint(0, 2)))
        scope = Scope(tenant, acl, rng.choice(_filters(rng)), rng.choice([None, 0, 1]))
        try:
            found = _asked(store, rng, scope, list(owner))
        except (TenantError, FilterError, StoreError):
            calls.refused += 1
            continue
        calls.answered += 1
        calls.hits += len(found)
        assert all(owner[i][0] == tenant and owner[i][1] in acl for i in found), (scope, found)
    assert calls.hits, "no call found anything, so none shows that nothing leaks"
    return calls


def _asked(store: Store, rng: random.Random, scope: Scope, ids: list[str]) -> list[str]:
    """The chunks of which one call shows anything."""
    some = rng.sample(ids, 5)
    match rng.randrange(4):
        case 0:
            return store.search(unit([1, rng.random()])[None], rng.choice([1, 50]), scope)[0].id_list()
        case 1:
            return store.search_terms([["common", "acme", "globex"]], 50, scope)[0].id_list()
        case 2:
            return [chunk.id for chunk in store.fetch(some, scope) if chunk is not None]
        case _:
            vectors = store.vectors(some, scope)
            return [i for i, vector in zip(some, vectors, strict=True) if vector.any()]


def _filters(rng: random.Random) -> list[Filter | None]:
    """Some hold everywhere, in the hope that they also hold where they are not asked."""
    name = rng.choice(TENANTS)
    return [
        None, None, Or((Eq("lang", "en"), Not(Eq("lang", "en")))), Not(Exists("note")), Or(()), Not(Or(())),
        Ne("lang", "x' OR '1'='1"), Not(Eq("lang", name)), NotIn("tags", (name,)), Contains("note", name),
        Or((Exists("year"), Eq("note", name))), In("lang", ()), Gte("year", -1), Not(Lt("year", 0)),
    ]  # fmt: skip
