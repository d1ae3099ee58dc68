"""No question is answered from what its reader may not see, even where the server forgets the filter."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

from ragkit.filters import And, Contains, Eq, Exists, Filter, Gte, In, Lt, Ne, Not, NotIn, Or
from ragkit.protocols import Scope
from ragkit.store.remote.bounds import upper_bound
from ragkit.testing.data import put, unit
from ragkit.testing.stores import EAST, spec_of, texts
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.filters import as_filter
from tests.connectors import across_tenants
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.qdrant_stores import ON_SERVER, Stores
from tests.scale import scaled

SPEC = spec_of(tenant="keyword!", acl=["keyword"])
TENANTS = ("acme", "Acme", "acme ", "acme\0", "*", "' OR 1=1 --", "globex", "гло\u200bбекс")


class Forgetful:
    """A client whose server ignores every filter of a search."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.forgets = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(**given: Any) -> Any:
            if self.forgets and given.get("collection_name", "").endswith("chunks"):
                given = {k: None if k in ("query_filter", "scroll_filter") else v for k, v in given.items()}
            return method(**given)

        return call


class ForgetfulStore(QdrantStore):
    def make_client(self) -> Any:
        self.client = Forgetful(super().make_client())
        return self.client


@pytest.fixture(scope="module")
def store() -> Iterator[ForgetfulStore]:
    stores = Stores()
    made = stores.make(SPEC, ForgetfulStore, collection="chunks")
    assert isinstance(made, ForgetfulStore)
    made.commit(
        put(
            f"d{i}",
            [(f"{tenant} {group} {i}", unit([1, i]))],
            tenant=tenant,
            acl=[group],
            metadata={"year": i},
        )
        for tenant in TENANTS
        for i, group in enumerate(("staff", "legal", "staff"))
    )
    yield made
    stores.close()


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("tenant", [*TENANTS, "nobody", "ACME", ""])
def test_every_answer_is_the_readers_own(store: ForgetfulStore, tenant: str, forgets: bool) -> None:
    everything = [hit for t in TENANTS for hit in found(store, t, ("staff", "legal"))]
    assert len(set(everything)) == 3 * len(TENANTS)
    store.client.forgets = forgets
    try:
        for groups, wanted in ((("staff",), {0, 2}), (("legal",), {1}), (("Staff",), set()), ((), set())):
            scope = Scope(tenant, groups)
            expected = {f"{tenant} {g} {i}" for i, g in enumerate(("staff", "legal", "staff")) if i in wanted}
            own = {text for text in texts(store, everything, scope) if text is not None}
            assert own == (expected if tenant in TENANTS else set())
            assert set(texts(store, found(store, tenant, groups), scope)) == own
            (sparse,) = store.search_terms([["staff", "legal"]], 50, scope)
            assert set(texts(store, sparse.id_list(), scope)) == own
            assert np.count_nonzero(store.vectors(everything, scope).any(axis=1)) == len(own)
            (filtered,) = store.search(EAST[None], 50, Scope(tenant, groups, Eq("year", 2)))
            assert len(filtered) == (len(own) and int(2 in wanted))
    finally:
        store.client.forgets = False


@pytest.mark.parametrize("place", [pytest.param({}, id="local mode"), ON_SERVER])
def test_no_call_of_many_leaks(place: dict[str, Any]) -> None:
    """Half of them on a server that forgets its filters."""
    stores = Stores()
    store = stores.make(across_tenants.SPEC, ForgetfulStore, collection=f"{uuid.uuid4().hex}-chunks", **place)
    assert isinstance(store, ForgetfulStore)

    def forget(rng: random.Random) -> None:
        store.client.forgets = rng.random() < 0.5

    assert call_across_tenants(store, scaled(100_000), forget).answered > scaled(50_000)
    stores.close()


def found(store: QdrantStore, tenant: str, groups: tuple[str, ...]) -> list[str]:
    return store.search(EAST[None], 50, Scope(tenant, groups))[0].id_list()


NAMES = st.text(max_size=300)
VALUES = (
    st.text(max_size=300) | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
)
LEAVES: Any = st.one_of(
    *(st.builds(kind, NAMES, VALUES) for kind in (Eq, Ne, Contains)),
    *(st.builds(kind, NAMES, st.integers() | st.floats(allow_nan=False)) for kind in (Gte, Lt)),
    *(st.builds(kind, NAMES, st.lists(VALUES, max_size=3).map(tuple)) for kind in (In, NotIn)),
    st.builds(Exists, NAMES),
)
TREES: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


@settings(max_examples=scaled(4000), deadline=None)
@given(TREES)
def test_no_text_of_a_question_becomes_a_part_of_a_condition(wanted: Filter) -> None:
    """Keys are constant, and no list is empty: the server takes an empty one for everything."""

    def check(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                assert not (name in ("must", "should", "must_not", "any") and value == [])
                if name == "key":
                    assert value in ("k", "r", "n", "v")
                check(value)
        elif isinstance(node, list):
            for part in node:
                check(part)

    condition = as_filter(upper_bound(wanted)) if upper_bound(wanted) is not False else None
    if condition is not None:
        check(condition.model_dump(exclude_none=True))
        # gRPC can carry it.
        sent = RestToGrpc.convert_filter(condition)
        assert RestToGrpc.convert_filter(GrpcToRest.convert_filter(sent)) == sent
