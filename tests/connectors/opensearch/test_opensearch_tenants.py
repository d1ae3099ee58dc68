"""No question is answered from what its reader may not see, even where the server forgets its filters."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ragkit.errors import StoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.testing.data import put, unit
from ragkit.testing.stores import EAST, spec_of, texts
from ragkit_connectors.opensearch import OpenSearchStore
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
from tests.connectors import across_tenants
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.opensearch.in_process import InProcessStore, in_process
from tests.connectors.opensearch.server.cluster import READ, Cluster, Request, User
from tests.connectors.opensearch.stores import Stores

SPEC = spec_of(tenant="keyword!", acl=["keyword"])
TENANTS = ("acme", "Acme", "acme ", "acme\0", "*", "' OR 1=1 --", "globex", "гло\u200bбекс", "a,b", "a", "b")
GROUPS = ("staff", "legal", "staff")


def forget(request: Request) -> None:
    """What a server would do that ignores filters and routing of searches for chunks."""
    if not request.path.endswith("ours/_search"):
        return
    request.parameters.pop("routing", None)
    body = request.json()
    query = body["query"]
    if "script_score" in query:
        query["script_score"]["query"] = {"match_all": {}}
    elif "knn" in query:
        query["knn"]["dense"].pop("filter")
    elif "should" in query.get("bool", {}):
        query["bool"]["filter"] = []
    else:
        body["query"] = {"match_all": {}}
    request.body = json.dumps(body).encode()


@pytest.fixture(scope="module", params=[{}, {"exact_below": 0, "shards": 4}], ids=["compared", "graph"])
def store(request: pytest.FixtureRequest) -> Iterator[InProcessStore]:
    made = in_process(SPEC, name="ours", **request.param)
    made.commit(
        put(
            f"d{i}",
            [(f"{tenant} {group} {i}", unit([1, i]))],
            tenant=tenant,
            acl=[group],
            metadata={"year": i},
        )
        for tenant in TENANTS
        for i, group in enumerate(GROUPS)
    )
    yield made
    made.close()


def found(store: OpenSearchStore, tenant: str, groups: tuple[str, ...]) -> list[str]:
    return store.search(EAST[None], 50, Scope(tenant, groups))[0].id_list()


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("tenant", [*TENANTS, "nobody", "ACME", ""])
def test_every_answer_is_the_readers_own(store: InProcessStore, tenant: str, forgets: bool) -> None:
    everything = [hit for t in TENANTS for hit in found(store, t, ("staff", "legal"))]
    assert len(set(everything)) == 3 * len(TENANTS)
    store.change = forget if forgets else None
    try:
        for groups, wanted in ((("staff",), {0, 2}), (("legal",), {1}), (("Staff",), set()), ((), set())):
            scope = Scope(tenant, groups)
            expected = {f"{tenant} {g} {i}" for i, g in enumerate(GROUPS) if i in wanted}
            own = {text for text in texts(store, everything, scope) if text is not None}
            assert own == (expected if tenant in TENANTS else set())
            assert set(texts(store, found(store, tenant, groups), scope)) == own
            (sparse,) = store.search_terms([["staff", "legal"]], 50, scope)
            assert set(texts(store, sparse.id_list(), scope)) == own
            assert np.count_nonzero(store.vectors(everything, scope).any(axis=1)) == len(own)
            (filtered,) = store.search(EAST[None], 50, Scope(tenant, groups, Eq("year", 2)))
            assert len(filtered) == (len(own) and int(2 in wanted))
    finally:
        store.change = None


@pytest.mark.parametrize("settings", [{}, {"exact_below": 0, "shards": 4}], ids=["compared", "graph"])
def test_no_call_of_many_leaks(settings: dict[str, Any]) -> None:
    """Half of them on a server that forgets its filters."""
    store = in_process(across_tenants.SPEC, name="ours", **settings)

    def forgetful(rng: random.Random) -> None:
        store.change = forget if rng.random() < 0.5 else None

    assert call_across_tenants(store, scaled(50_000), forgetful).answered > scaled(20_000)


def test_a_tenants_chunks_are_asked_of_one_shard(store: InProcessStore) -> None:
    store.log.clear()
    found(store, "a,b", ("staff",))
    routings = [
        r.parameters.get("routing") for r in store.log if r.path.endswith(("ours/_search", "ours/_count"))
    ]
    assert len(set(routings)) == 1
    assert routings[0] is not None
    assert routings[0].isalnum()


# --- document-level security ------------------------------------------------------------------------


def only(tenants: list[str]) -> dict[str, Any]:
    """The queries of a role, as the guide gives them."""
    mine = {"terms": {"tenant": tenants}}
    general = {"terms": {"kind": ["head", "hold"]}}
    return {"ours": mine, "ours__ragkit": {"bool": {"should": [mine, general]}}}


READING = (
    READ,
    "cluster:monitor/main",
    "indices:admin/exists",
    "indices:admin/mappings",
    "indices:admin/settings",
)


@pytest.fixture
def secured() -> Iterator[Stores]:
    cluster = Cluster()
    cluster.users = {
        "admin": User("a"),
        "bound": User("b", READING, only(["acme"])),
        "half": User("h", READING, {"ours": only(["acme"])["ours"]}),
        "loose": User("l", READING),
        "narrow": User("n", READING, dict.fromkeys(("ours", "ours__ragkit"), only(["acme"])["ours"])),
        "bound writer": User("w", dls=only(["acme"])),
    }
    stores = Stores(cluster)
    store = stores.make(SPEC, name="ours", user="admin", password="a")
    store.commit(put("d", [(f"{t} staff", EAST)], tenant=t, acl=["staff"]) for t in ("acme", "globex"))
    yield stores
    stores.close()


def test_a_role_under_document_level_security_reads_its_tenants_alone(secured: Stores) -> None:
    store = secured.make(SPEC, name="ours", user="bound", password="b", tenancy="dls")
    for tenant, expected in (("acme", ["acme staff"]), ("globex", [])):
        scope = Scope(tenant, ("staff",))
        hits = store.search(EAST[None], 5, scope)[0].id_list()
        assert texts(store, hits, scope) == expected
        assert len(store.search_terms([["staff"]], 5, scope)[0]) == len(expected)
        assert (store.source(tenant, "d") is not None) == bool(expected)
    assert [state.tenant for state in store.states()] == ["acme"]
    with pytest.raises(StoreError, match=r"tenancy: dls is there to read.*Ingest with tenancy: filter"):
        store.commit([put("e", [("x", EAST)], tenant="acme")])


@pytest.mark.parametrize(
    ("user", "said"),
    [("loose", "ours and ours__ragkit"), ("half", "in ours__ragkit:"), ("admin", "ours and ours__ragkit")],
)
def test_a_role_that_sees_every_tenant_is_refused(secured: Stores, user: str, said: str) -> None:
    with pytest.raises(
        StoreError, match=rf"sees every tenant's documents .*{said}.*Give the role a dls query"
    ):
        secured.make(SPEC, name="ours", user=user, password=user[0], tenancy="dls")


def test_a_query_that_hides_the_record_of_commits_is_told(secured: Stores) -> None:
    with pytest.raises(StoreError, match=r"hides the record of commits. For ours__ragkit .* kind: head"):
        secured.make(SPEC, name="ours", user="narrow", password="n", tenancy="dls")


def test_a_writer_that_does_not_see_all_is_refused(secured: Stores) -> None:
    """It would leave the old chunks of what it replaces standing."""
    store = secured.make(SPEC, name="ours", user="bound writer", password="w")
    for call in (lambda: store.commit([put("d", [("x", EAST)], tenant="acme")]), store.compact, store.repair):
        with pytest.raises(StoreError, match=r"hides documents in ours and ours__ragkit from this user"):
            call()
