"""An index whose mapping lacks a field that a newer ragkit writes gets it when it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Change
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.opensearch.server.cluster import MANAGE, READ, WRITE, Cluster, User
from tests.connectors.opensearch.stores import Stores

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
SPEC = spec_of()
ROLE = (READ, "cluster:monitor/main", f"{MANAGE}/exists", f"{MANAGE}/mappings/get", f"{MANAGE}/settings",
        f"{MANAGE}/refresh")  # fmt: skip


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def cluster(stores: Stores) -> Cluster:
    """With an index as a ragkit made it that kept no readings, and three users of it."""
    cluster = stores.server.cluster
    store = stores.make(SPEC, name="ours")
    store.commit([put("a", [("one", EAST)])])
    store.close()
    fields = cluster.indexes["ours"].mappings["properties"]
    del fields["reading"]
    for doc in cluster.indexes["ours"].docs.values():
        assert set(doc.parsed) <= {*fields, "pid"}
    cluster.users = {"me": User("m"), "writer": User("w", (*ROLE, WRITE)), "reader": User("r", ROLE)}
    return cluster


def opened(stores: Stores, user: str) -> OpenSearchStore:
    return stores.make(SPEC, name="ours", user=user, password=user[0], attempts=1)


def read_document() -> Change:
    change = put("b", [("two", NORTH)])
    return replace(change, records=tuple(replace(r, reading=b"\0read") for r in change.records))


def test_opening_it_adds_the_field_and_keeps_everything(stores: Stores, cluster: Cluster) -> None:
    before = dict(cluster.indexes["ours"].docs)
    store = opened(stores, "me")
    assert cluster.indexes["ours"].fields["reading"] == {
        "type": "keyword",
        "index": False,
        "doc_values": False,
    }
    assert cluster.indexes["ours"].docs == before
    (old,) = store.search(EAST[None], 1, OPEN)[0].id_list()
    assert texts(store, [old]) == ["one"]
    assert store.readings([old], OPEN) == [None]
    store.commit([read_document()])
    (new,) = store.search(NORTH[None], 1, OPEN)[0].id_list()
    assert store.readings([new], OPEN) == [b"\0read"]
    assert store.verify() == []


def test_it_is_added_once(stores: Stores, cluster: Cluster) -> None:
    opened(stores, "me")
    stores.server.log.clear()
    opened(stores, "me")
    assert [r.path for r in stores.server.log if r.method == "PUT"] == []


def test_a_role_that_may_only_read_reads_without_it(stores: Stores, cluster: Cluster) -> None:
    reader = opened(stores, "reader")
    hits = reader.search(EAST[None], 1, OPEN)[0].id_list()
    assert reader.readings(hits, OPEN) == [None]
    assert "reading" not in cluster.indexes["ours"].fields


def test_a_role_that_may_write_and_not_manage_is_told_who_adds_it(stores: Stores, cluster: Cluster) -> None:
    writer = opened(stores, "writer")
    with pytest.raises(StoreError, match=r"the index lacks a field .*an older ragkit made it.*may manage"):
        writer.commit([read_document()])
    opened(stores, "me")
    writer.commit([read_document()])
    assert writer.counts().documents == 2
