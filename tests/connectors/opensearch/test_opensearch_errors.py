"""What can be wrong with settings, a server or an index: one typed error each, with what mends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ragkit import registry
from ragkit.errors import ConfigError, CorruptIndexError, StoreError, TransientStoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote.server import RECORDS, Point
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.opensearch import OpenSearchStore, search
from tests.connectors.opensearch.server.cluster import READ, Cluster, User
from tests.connectors.opensearch.server.errors import ApiError
from tests.connectors.opensearch.server.index import Index
from tests.connectors.opensearch.stores import Stores

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
SPEC = spec_of()
ADMIN = User("open-sesame")


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def cluster(stores: Stores) -> Cluster:
    return stores.server.cluster


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"hosts: "),
        ({"hosts": []}, r"hosts: expected at least one"),
        ({"hosts": ["localhost:9200"]}, r"hosts: expected http://HOST:9200 or https://HOST:9200"),
        ({"hosts": ["ftp://o:9200"]}, r"hosts: expected http://HOST:9200"),
        ({"hosts": ["http://o:port"]}, r"hosts: expected http://HOST:9200"),
        ({"hosts": ["https://me:open-sesame@o:9200"]}, r"Set user and password"),
        ({"hosts": ["http://o:9200"], "user": "me"}, r"expected both of user and password"),
        ({"hosts": ["http://o:9200"], "name": "Big"}, r"name: expected a name of small letters"),
        ({"hosts": ["http://o:9200"], "name": "_all"}, r"name: expected a name of small letters"),
        ({"hosts": ["http://o:9200"], "engine": "nmslib"}, r"engine: "),
        ({"hosts": ["http://o:9200"], "indx": "a"}, r"indx: unknown setting"),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        OpenSearchStore(**given)
    assert "sesame" not in str(raised.value)


def test_the_password_is_not_shown() -> None:
    store = OpenSearchStore(hosts=["https://o:9200"], user="me", password="open-sesame")
    assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"


def test_it_is_registered() -> None:
    assert registry.load("store/opensearch") is OpenSearchStore


# --- the server -------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: bytes, kind: str = "application/json") -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


ELASTIC = {"version": {"number": "8.15.0", "build_flavor": "default"}, "tagline": "You Know, for Search"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "error", "said"),
    [
        (401, b"Unauthorized", "text/plain", StoreError, r"refuses this user and password.*Set user and"),
        (403, b"{}", "application/json", StoreError, r"role does not allow it.*a role needs read"),
        (503, b"busy", "text/plain", TransientStoreError, r"fails for now \(HTTP 503.*Try again"),
        (200, b"<html>Welcome</html>", "text/html", StoreError, r"is no OpenSearch server.*Check hosts"),
        (200, b"\xff\xfe", "text/plain", StoreError, r"is no OpenSearch server|client refuses"),
        (200, b'{"hello": 1}', "application/json", StoreError, r"is no OpenSearch server.*Check hosts"),
        (200, b"[1]", "application/json", StoreError, r"is no OpenSearch server.*Check hosts"),
        (200, b"{", "application/json", StoreError, r"is no OpenSearch server.*Check hosts"),
        (404, b"not here", "text/plain", StoreError, r"Check hosts"),
        (200, json.dumps(ELASTIC).encode(), "application/json", StoreError, r"is Elasticsearch 8\.15\.0"),
    ],
)
def test_what_a_server_may_say(
    status: int, body: bytes, kind: str, error: type[StoreError], said: str
) -> None:
    with answering(status, body, kind) as url, pytest.raises(error, match=said):
        OpenSearchStore(hosts=[url], attempts=1).open(SPEC)


@pytest.mark.parametrize("version", ["1.3.20", "2.15.0"])
def test_a_server_that_is_too_old(version: str) -> None:
    stores = Stores(Cluster(version=version))
    with pytest.raises(StoreError, match=rf"OpenSearch {version}, and .* needs 2\.16 or newer. Upgrade it"):
        stores.make(SPEC)
    stores.close()


def test_a_server_without_the_plugin() -> None:
    stores = Stores(Cluster(plugins=("opensearch-security",)))
    with pytest.raises(
        StoreError, match=r"no k-NN plugin \(it has opensearch-security\).*opensearch-plugin install"
    ):
        stores.make(SPEC)
    assert stores.server.cluster.indexes == {}
    stores.close()


def test_a_plugin_that_is_missed_only_when_the_index_is_made() -> None:
    """Where the role may not ask for the plugins."""
    cluster = Cluster(plugins=())
    stores = Stores(cluster)
    cluster.users = {"me": User("pass", ("cluster:monitor/main", "indices"))}
    with pytest.raises(StoreError, match=r"no k-NN plugin \(.*unknown setting \[index\.knn\].*Install it"):
        stores.make(SPEC, user="me", password="pass")
    stores.close()


def test_of_several_hosts_one_is_enough(stores: Stores) -> None:
    store = stores.make(SPEC, hosts=["http://127.0.0.1:9", stores.server.url])
    assert store.commit([put("a", [("one", EAST)])]) == 1


def test_plain_speech_to_a_server_with_a_certificate_is_told(stores: Stores) -> None:
    url = stores.server.url.replace("http", "https")
    with pytest.raises(StoreError, match=r"certificate is not accepted|cannot be reached"):
        OpenSearchStore(hosts=[url], attempts=1).open(SPEC)


# --- users and roles --------------------------------------------------------------------------------


def test_wrong_credentials(stores: Stores, cluster: Cluster) -> None:
    cluster.users = {"me": ADMIN}
    logins: tuple[dict[str, Any], ...] = (
        {},
        {"user": "me", "password": "guess"},
        {"user": "you", "password": "open-sesame"},
    )
    for login in logins:
        with pytest.raises(StoreError, match=r"refuses this user and password.*HTTP 401.*Set user") as raised:
            stores.make(SPEC, **login)
        assert "guess" not in str(raised.value)
    assert stores.make(SPEC, user="me", password="open-sesame").head() == 0


def test_a_role_that_may_only_read(stores: Stores, cluster: Cluster) -> None:
    cluster.users = {
        "me": ADMIN,
        "reader": User("r", (READ, "cluster:monitor/main", "indices:admin/exists", "indices:admin/mappings",
                             "indices:admin/settings")),
    }  # fmt: skip
    store = stores.make(SPEC, name="ours", user="me", password="open-sesame")
    store.commit([put("a", [("one", EAST)])])
    reader = stores.make(SPEC, name="ours", user="reader", password="r")
    assert texts(reader, reader.search(EAST[None], 1, OPEN)[0].id_list()) == ["one"]
    assert reader.search_terms([["one"]], 1, OPEN)[0].id_list()
    before = {name: dict(index.docs) for name, index in cluster.indexes.items()}
    with reader.hold() as commit:
        assert texts(reader, reader.search(EAST[None], 1, Scope(commit=commit))[0].id_list()) == ["one"]
    for call in (lambda: reader.commit([put("b", [("two", EAST)])]), reader.compact):
        with pytest.raises(
            StoreError, match=r"role does not allow it.*security_exception: no permissions.*write"
        ):
            call()
    assert {name: index.docs for name, index in cluster.indexes.items()} == before
    with pytest.raises(StoreError, match=r"role does not allow it"):
        stores.make(SPEC, name="new", user="reader", password="r")


def test_an_index_that_is_closed_for_writing(stores: Stores, cluster: Cluster) -> None:
    store = stores.make(SPEC, attempts=1)
    said = "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];"
    cluster.item_fault = lambda *_: ApiError(429, "cluster_block_exception", said)
    with pytest.raises(TransientStoreError, match=r"closed for writing.*Make room on the disks"):
        store.commit([put("a", [("one", EAST)])])


# --- the indexes ------------------------------------------------------------------------------------


def test_there_is_no_index(stores: Stores) -> None:
    for spec, create in ((None, True), (SPEC, False)):
        with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
            OpenSearchStore(hosts=[stores.server.url]).open(spec, create=create)


def test_an_index_is_opened_as_it_was_made(stores: Stores) -> None:
    store = stores.make(SPEC, name="ours")
    store.commit([put("a", [("one", EAST)])])
    for spec in (
        replace(SPEC, dimension=3),
        replace(SPEC, embedder_fingerprint="other"),
        replace(SPEC, analyzer_fingerprint="other"),
        spec_of(year="keyword"),
        spec_of(tenant="keyword!"),
    ):
        with pytest.raises(ConfigError, match="this index was made with"):
            stores.make(spec, name="ours")
    assert stores.make(None, name="ours").counts().chunks == 1


@pytest.mark.parametrize(("made", "opened"), [("lucene", "faiss"), ("exact", "lucene"), ("faiss", "exact")])
def test_an_engine_is_not_changed_afterwards(stores: Stores, made: str, opened: str) -> None:
    stores.make(SPEC, name="ours", engine=made)
    with pytest.raises(ConfigError, match=rf"made with {made}, and {opened} is set. Set engine: {made}"):
        stores.make(SPEC, name="ours", engine=opened)


@pytest.mark.parametrize("name", ["ours", "ours__ragkit"])
def test_an_index_of_somebody_else_is_left_alone(stores: Stores, cluster: Cluster, name: str) -> None:
    cluster.indexes[name] = Index(name, {"mappings": {"properties": {"a": {"type": "text"}}}}, set())
    cluster.indexes[name].apply("index", {"_id": "1"}, {"a": "theirs"})
    with pytest.raises(StoreError, match=rf"{name} is there and was made by something else than ragkit"):
        stores.make(SPEC, name="ours")
    assert list(cluster.indexes) == [name]
    assert len(cluster.indexes[name].docs) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"dimension": 3},
            r"is vectors of 3 numbers .*expected vectors of 2 numbers compared by cosinesimil",
        ),
        ({"method": {"engine": "lucene", "space_type": "l2"}}, r"compared by l2, expected"),
        ({"type": "keyword"}, r"of type keyword, expected vectors of 2 numbers"),
    ],
)
def test_vectors_of_another_kind_are_said(
    stores: Stores, cluster: Cluster, change: dict[str, Any], said: str
) -> None:
    stores.make(SPEC, name="ours")
    cluster.indexes["ours"].fields["dense"].update(change)
    with pytest.raises(StoreError, match=said + r".*Set another name"):
        stores.make(SPEC, name="ours")


def test_what_died_while_it_made_an_index_is_made_whole(stores: Stores, cluster: Cluster) -> None:
    stores.make(SPEC, name="ours")
    del cluster.indexes["ours__ragkit"]
    assert stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])]) == 1


def test_chunks_without_a_record_of_commits_are_not_taken_over(stores: Stores, cluster: Cluster) -> None:
    stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])])
    del cluster.indexes["ours__ragkit"]
    with pytest.raises(CorruptIndexError, match=r"the record of commits is gone. Restore both indexes"):
        stores.make(SPEC, name="ours")


def test_an_index_that_is_gone_is_said(stores: Stores, cluster: Cluster) -> None:
    store = stores.make(SPEC, name="ours")
    del cluster.indexes["ours"]
    with pytest.raises(CorruptIndexError, match=r"is not there.*Check hosts and name"):
        store.search(EAST[None], 1, OPEN)
    with pytest.raises(CorruptIndexError, match=r"index of the chunks is gone.*Restore"):
        stores.make(SPEC, name="ours")


def test_a_format_of_the_future_is_not_read(stores: Stores) -> None:
    store = stores.make(SPEC, name="ours")
    store._server.change_head({"format": 99}, {})
    with pytest.raises(ConfigError, match=r"format 99, and this version of ragkit reads 1"):
        stores.make(SPEC, name="ours")


def test_after_a_fork_connections_are_made_anew(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection would read each other's answers."""
    store = stores.make(SPEC)
    before = store._server._client
    assert store.head() == 0
    assert store._server._client is before
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert store.head() == 0
    assert store._server._client is not before


def test_copies_that_may_lag_are_not_asked(stores: Stores, cluster: Cluster) -> None:
    stores.make(SPEC, name="ours").commit([put("a", [("one", EAST)])])
    cluster.indexes["ours"].settings["replication.type"] = "SEGMENT"
    store = stores.make(SPEC, name="ours")
    stores.server.log.clear()
    store.search(EAST[None], 1, OPEN)
    searches = [r for r in stores.server.log if r.path.endswith(("/_search", "/_count"))]
    assert {r.parameters.get("preference") for r in searches} == {"_primary"}


def test_newer_servers_are_told_to_keep_vectors_in_documents() -> None:
    stores = Stores(Cluster(version="3.3.0"))
    cluster = stores.server.cluster
    stores.make(SPEC, name="ours")
    stores.make(SPEC, name="plain", engine="exact")
    assert cluster.indexes["ours"].settings["knn.derived_source.enabled"] is False
    assert "knn.derived_source.enabled" not in cluster.indexes["plain"].settings
    stores.close()


def test_a_place_in_a_long_answer_that_is_lost_is_transient(
    stores: Stores, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 3)
    store = stores.make(SPEC, attempts=1)
    store.commit([put(f"d{i}", [("one", EAST)]) for i in range(9)])
    usual = cluster.answer

    def forgetful(request: Any) -> Any:
        if request.path == "/_search":
            cluster.pits.clear()
        return usual(request)

    cluster.answer = forgetful  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError, match=r"lost its place in a long answer.*Try again"):
        store.states()


# --- what is written and asked ----------------------------------------------------------------------


def test_what_a_question_holds_is_given_back_though_no_search_finds_it_yet(
    stores: Stores, cluster: Cluster
) -> None:
    store = stores.make(SPEC, name="ours")
    store.commit([put("a", [("one", EAST)])])
    with store.hold():
        assert any(doc.read().get("kind") == "hold" for doc in cluster.indexes["ours__ragkit"].docs.values())
    assert not any(doc.read().get("kind") == "hold" for doc in cluster.indexes["ours__ragkit"].docs.values())
    store.commit([put("a", [("two", EAST)])])
    assert store.compact().n_held == 0


# --- what is damaged --------------------------------------------------------------------------------


def test_what_is_damaged_is_found_and_what_can_be_is_mended(stores: Stores, cluster: Cluster) -> None:
    store = stores.make(SPEC, name="ours")
    store.commit(
        [put("a", [("one", EAST), ("two", NORTH)], metadata={"lang": "en"}), put("b", [("x", EAST)])]
    )
    assert store.verify() == []
    index = cluster.indexes["ours"]
    one = next(i for i, doc in index.docs.items() if doc.read().get("text") == "one")
    two = next(i for i, doc in index.docs.items() if doc.read().get("text") == "two")
    index.apply("update", {"_id": one}, {"doc": {"dense": [3.0, 0.0], "k": []}})
    problems = store.verify()
    assert len(problems) == 1
    assert "has a vector or words of filters that were not written. Run: ragkit repair" in problems[0]
    assert store.repair(lambda texts: EAST[None].repeat(len(texts), 0)) == [
        f"{store.where}: 1 chunks embedded and indexed anew"
    ]
    assert store.verify() == []
    assert len(store.search(EAST[None], 5, Scope(filter=Eq("lang", "en")))[0]) == 2
    index.apply("update", {"_id": two}, {"doc": {"text": "three"}})
    (problem,) = store.verify()
    assert "its bytes are not those that were written" in problem
    assert "Restore both indexes from one snapshot; or: Remove the document with ragkit forget" in problem
    index.apply("delete", {"_id": two}, None)
    problems = store.verify()
    assert any("document 'a': 1 chunks are there, and its state says 2" in p for p in problems)
    assert any(
        "totals are [2, 2, 2] documents, chunks and terms" in p or "totals are [2, 3, 3]" in p
        for p in problems
    )


def test_a_record_of_another_document_is_found(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([put("a", [("one", EAST)])])
    record = {"kind": "document", "key": "x", "tenant": "", "from": 1, "to": 2**50, "record": "[]"}
    store._server.write(RECORDS, [Point("x", payload=record)])
    assert any("cannot be read" in problem for problem in store.verify())
