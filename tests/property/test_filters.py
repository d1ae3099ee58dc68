"""Every filter over every history gives what the reference evaluator and the oracle store give, through the
collection, by both arms.

Each case draws a store, a reader (tenant, groups, pinned commit), a filter, a query and `k`. The oracle ranks
without filter and groups, once per query; `matches` and the groups then say which of its hits must be there.
Every twentieth case asks the oracle store the whole question instead.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.errors import FilterError
from ragkit.fields import parse_fields
from ragkit.filters import And, Eq, Exists, Filter, Not, Or, matches, to_json
from ragkit.protocols import Change, Scope, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.data import FIELDS, put, quarantine, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.types import Chunk, QueryPlan
from tests.scale import scaled

SEED = 20
N_CASES = scaled(10_000)
N_STORES = scaled(24, part=8)
N_COMMITS = 10
ALL = 1_000_000
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
QUERIES = tuple(
    " ".join(words) for words in (("warranty", "years"), ("гарантия",), ("a", "a", "é"), ("unknown",))
)
# A failing case is small as it is, and to make it smaller still takes minutes.
CASES = settings(
    max_examples=N_CASES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


class Directions:
    """Each query has a direction of its own; documents bring their vectors."""

    name, fingerprint, dimension, max_tokens = "directions", "directions-1", 4, 64
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        return np.stack([unit(random.Random(text).choices((-1, 0, 0.5, 1), k=4)) for text in texts])


class Words:
    fingerprint = "words"

    def terms(self, text: str) -> list[str]:
        return text.split()


@dataclass
class World:
    """A local store below a collection, and the oracle with the same history."""

    collection: StoreCollection
    oracle: OracleStore
    shape: made.Shape
    chunks: dict[str, Chunk] = field(default_factory=dict)
    rankings: dict[tuple[str | None, int, str, bool], HitBatch] = field(default_factory=dict)

    def commit(self, changes: Sequence[Change]) -> None:
        assert self.collection.commit(changes) == self.oracle.commit(changes)
        self.chunks.update((r.chunk.id, r.chunk) for change in changes for r in change.records)

    def ranking(self, plan: QueryPlan, query: str, dense: bool) -> HitBatch:
        """The oracle's ranking of all that stands at the plan's commit."""
        assert plan.commit is not None
        key = (plan.tenant, plan.commit, query, dense)
        if key not in self.rankings:
            self.rankings[key] = self.asked(query, ALL, Scope(plan.tenant, None, None, plan.commit), dense)
        return self.rankings[key]

    def asked(self, query: str, k: int, scope: Scope, dense: bool) -> HitBatch:
        """The oracle's answer."""
        if dense:
            return self.oracle.search(Directions().embed([query], "query"), k, scope)[0]
        return self.oracle.search_terms([Words().terms(query)], k, scope)[0]


def made_metadata(rng: random.Random) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for name, values in made.STORED.items():
        if rng.random() < 0.7:
            is_many = FIELDS[name].many
            metadata[name] = rng.choices(values, k=rng.randrange(4)) if is_many else rng.choice(values)
        elif rng.random() < 0.2:
            metadata[name] = None
    return metadata


def made_change(rng: random.Random, tenant: str, document_id: str, shape: made.Shape) -> Change:
    luck = rng.random()
    if luck < 0.15:
        return remove(document_id, tenant=tenant)
    if luck < 0.2:
        return quarantine(document_id, tenant=tenant)
    passages = [
        (" ".join(rng.choices(made.WORDS, k=rng.randrange(7))), unit(rng.choices((-1, 0, 0, 0.5, 1), k=4)))
        for _ in range(rng.randrange(5))
    ]
    acl = rng.sample(made.GROUPS, rng.randrange(3)) if shape.acl else ()
    return put(document_id, passages, tenant=tenant, metadata=made_metadata(rng), acl=acl)


def make_world(number: int, folder: str) -> World:
    rng = random.Random(SEED * 1000 + number)
    shape = made.Shape(tenants=number % 3 != 0, acl=number % 2 == 0)
    declared = {
        **({"tenant": "keyword!"} if shape.tenants else {}),
        **({"acl": ["keyword"]} if shape.acl else {}),
    }
    fields = {**FIELDS, **parse_fields(declared)}
    spec = StoreSpec("directions", embedder_fingerprint="directions-1", dimension=4, fields=fields)
    store = LocalStore(path=f"{folder}/{number}").open(spec)
    collection = StoreCollection(store, embedder=Directions(), analyzer=Words(), fields=fields)
    world = World(collection, OracleStore(spec), shape)
    owners = made.TENANTS if shape.tenants else ("",)
    for _ in range(N_COMMITS):
        keys = rng.sample([(owner, f"d{i}") for owner in owners for i in range(40)], 16)
        world.commit([made_change(rng, *key, shape) for key in keys])
    return world


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    print(f"seed {SEED}: {N_CASES} cases over {N_STORES} stores of {N_COMMITS} commits")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        stores = [make_world(number, folder) for number in range(N_STORES)]
        yield stores
        for world in stores:
            world.collection.close()


def same(ours: HitBatch, theirs: HitBatch) -> None:
    assert ours.id_list() == theirs.id_list()
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-6, atol=1e-6)


def searched(world: World, query: str, k: int, plan: QueryPlan, dense: bool) -> HitBatch:
    search = world.collection.dense if dense else world.collection.bm25
    return search([query], k, plan)[0]


def draw_plan(data: st.DataObject, world: World, wanted: Filter | None) -> QueryPlan:
    """A reader's plan, pinned to any commit that there was; the filter as a tree or as it is written."""
    shape = world.shape
    tenant = data.draw(st.sampled_from([*made.TENANTS, "nobody"]), label="tenant") if shape.tenants else None
    groups = st.lists(st.sampled_from(made.GROUPS), max_size=2, unique=True)
    acl = data.draw(groups, label="acl") if shape.acl else None
    is_written = wanted is not None and data.draw(st.booleans(), label="written")
    asked = to_json(wanted) if wanted is not None and is_written else wanted
    plan = world.collection.plan("?", tenant=tenant, acl=acl, filter=asked)
    assert plan.commit == N_COMMITS
    return replace(plan, commit=data.draw(st.integers(0, N_COMMITS), label="commit"))


def visible(world: World, ids: Sequence[str], plan: QueryPlan, wanted: Filter | None) -> list[bool]:
    """By the rules alone: which of these chunks the groups and the filter let through."""
    return [
        (plan.acl is None or not set(plan.acl).isdisjoint(chunk.acl))
        and (wanted is None or matches(wanted, chunk.metadata))
        for chunk in (world.chunks[i] for i in ids)
    ]


@seed(SEED)
@CASES
@given(data=st.data())
def test_every_filter_gives_the_k_best_that_satisfy_it(worlds: list[World], data: st.DataObject) -> None:
    world = worlds[data.draw(st.integers(0, len(worlds) - 1), label="store")]
    wanted = data.draw(made.filters(), label="filter")
    plan = draw_plan(data, world, wanted)
    query = data.draw(st.sampled_from(QUERIES), label="query")
    k = data.draw(st.sampled_from([1, 2, 5, 20, 10_000]), label="k")
    for dense in (True, False):
        everything = world.ranking(plan, query, dense)
        mask = np.array(visible(world, everything.id_list(), plan, wanted), dtype=bool)
        expected = HitBatch(everything.ids[mask], everything.scores[mask])
        found = searched(world, query, k, plan, dense)
        assert len(found) == min(k, len(expected))
        same(found, expected.top(k))
        others = searched(world, query, 10_000, replace(plan, filter=Not(wanted)), dense)
        shown = visible(world, everything.id_list(), plan, None)
        assert sorted([*expected.id_list(), *others.id_list()]) == sorted(everything.ids[shown].astype(str))
    if data.draw(st.integers(0, 19), label="ask the oracle") == 0:
        scope = Scope(plan.tenant, plan.acl, wanted, plan.commit)
        for dense in (True, False):
            same(searched(world, query, k, plan, dense), world.asked(query, k, scope, dense))


@seed(SEED)
@settings(CASES, max_examples=scaled(1_000))
@given(data=st.data())
def test_chunks_and_vectors_are_given_where_the_filter_holds(
    worlds: list[World], data: st.DataObject
) -> None:
    world = worlds[data.draw(st.integers(0, len(worlds) - 1), label="store")]
    wanted = data.draw(st.none() | made.filters(), label="filter")
    plan = draw_plan(data, world, wanted)
    ids = list(world.chunks)
    scope = Scope(plan.tenant, plan.acl, wanted, plan.commit)
    assert world.collection.fetch(ids, plan) == world.oracle.fetch(ids, scope)
    np.testing.assert_array_equal(world.collection.vectors(ids, plan), world.oracle.vectors(ids, scope))


@seed(SEED)
@settings(CASES, max_examples=scaled(2_000))
@given(
    made.filters(),
    st.sampled_from(["nowhere", "Lang", "lang ", "", "tenant", "acl", "other", "year\x00", "ｌang", "and "]),
    st.sampled_from(["and", "or", "not"]),
    st.booleans(),
)
def test_an_unknown_field_anywhere_is_an_error(
    worlds: list[World], tree: Filter, name: str, how: str, written: bool
) -> None:
    unknown: Filter = Not(Exists(name)) if how == "not" else Eq(name, "x")
    parts = (tree, unknown)
    wrong: Filter = Not(Or(parts)) if how == "not" else And(parts) if how == "and" else Or(parts)
    world = worlds[0]
    owner = "acme" if world.shape.tenants else None
    with pytest.raises(FilterError):
        world.collection.plan("?", filter=to_json(wrong) if written else wrong, tenant=owner)
    with pytest.raises(FilterError):
        world.collection.dense(["?"], 5, QueryPlan.of("?", filter=wrong, tenant=owner))


def test_the_stores_hold_replaced_removed_and_standing_documents(worlds: list[World]) -> None:
    for world in worlds:
        counts = world.collection.counts()
        assert counts == world.oracle.counts()
        assert counts.chunks > 30
        assert len(world.chunks) > 1.3 * counts.chunks
