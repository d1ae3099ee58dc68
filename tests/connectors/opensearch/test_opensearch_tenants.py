"""No question is answered from what its reader may not see, even where the server forgets its filters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, texts
from tests.connectors.guarded import GUARDED, TenantChecks
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
from tests.connectors.loopback import Request
from tests.connectors.opensearch.in_process import in_process
from tests.connectors.opensearch.server.cluster import READ, Cluster, User
from tests.connectors.opensearch.stores import Stores

SPEC = GUARDED


class TestTenants(TenantChecks):
    """All compared, on a server that leaves filters and routing out."""

    kind = Stores
    every_tenant = True
    n_calls = scaled(50_000)

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing fails here."""

    def store_here(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        return in_process(spec, name="ours", **self.settings, **settings)

    def forget(self, request: Request) -> None:
        """What a server would do that ignores filters and routing of searches for chunks."""
        if not request.path.endswith("ours/_search"):
            return
        request.parameters.pop("routing", None)
        body = json.loads(request.body)
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

    def test_a_tenants_chunks_are_asked_of_one_shard(self) -> None:
        store = self.store_here()
        store.commit([put("d", [("one", EAST)], tenant="a,b", acl=["staff"])])
        store.log.clear()
        scope = Scope("a,b", ("staff",))
        assert len(store.search(EAST[None], 50, scope)[0]) == 1
        ends = ("ours/_search", "ours/_count")
        routings = [r.parameters.get("routing") for r in store.log if r.path.endswith(ends)]
        assert len(set(routings)) == 1
        assert routings[0] is not None
        assert routings[0].isalnum()


class TestTenantsByGraph(TestTenants):
    """The same over several shards, by the graph."""

    settings: ClassVar[dict[str, Any]] = {"exact_below": 0, "shards": 4}


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
