"""What can be wrong with any server that is asked over HTTP: one typed error each, with what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ragkit
from ragkit import registry
from ragkit.errors import ConfigError, RagkitError, StoreError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, spec_of, texts
from tests.connectors.loopback import Loopback, Refusal, Reply, Request

SPEC = spec_of()
_DIMENSION = 400  # of the bundled embedder
_CONFIG = """\
ragkit: 1
models: {embed: embed/bundled}
stores:
  cloud: {use: USE, ADDRESS: "URL", name: Support, attempts: 1}
collection: {store: cloud, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


class Told:
    """A service that says one thing."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def is_writing(self, request: Request) -> bool:
        return False

    def answer(self, request: Request) -> Reply:
        return self.reply


class ServerChecks:
    """A key, a role, an address and an index that are not as they should be."""

    kind: ClassVar[type[Any]]  # a connector's `Stores`
    store_class: ClassVar[Any]
    use: ClassVar[str]
    address: ClassVar[str]  # the setting that names the server
    product: ClassVar[str]
    forbidden: ClassVar[str]  # what is said to a role that may only read

    @pytest.fixture(autouse=True)
    def _stores(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.hasten(monkeypatch)
        self.stores = self.kind()
        yield
        self.stores.close()

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes waits short."""

    def users(self) -> dict[str, Any]:
        """Who may do all, and who may only read: `all`, `reader`."""
        raise NotImplementedError

    def at(self, url: str, **settings: Any) -> Any:
        """A store that was not opened."""
        return self.store_class(**{self.address: url, **settings})

    def held(self) -> list[str]:
        """All that the server holds, as it holds it."""
        raise NotImplementedError

    def places(self) -> list[str]:
        """What was made on the server, empty or not."""
        raise NotImplementedError

    def sized(self, dimension: int) -> None:
        """Says how long vectors will be, where a server is told before."""

    def test_it_is_registered(self) -> None:
        assert registry.load(self.use) is self.store_class

    def test_the_key_is_sent_and_not_shown(self) -> None:
        store = self.at("https://w", api_key="open-sesame")
        assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"
        self.stores.service.users = {"open-sesame": self.users()["all"]}
        keys: tuple[dict[str, Any], ...] = ({}, {"api_key": "guess"})
        for key in keys:
            with pytest.raises(StoreError, match=r"refuses this api_key.*HTTP 401.*Set api_key") as raised:
                self.stores.make(SPEC, **key)
            assert "guess" not in str(raised.value)
        assert self.stores.make(SPEC, api_key="open-sesame").head() == 0

    def test_no_key_is_in_a_text(self) -> None:
        """Neither one that no header can carry, nor one that a server repeats."""
        for key in ("sesame\x00-1", "s\u00e9same-1", "sesame\n-1"):
            with pytest.raises(ConfigError, match=r"api_key: it holds a character that no header") as raised:
                self.at("https://w", api_key=key)
            assert "same" not in str(raised.value)
        said = {"error": [{"message": "no key sesame-12345"}], "message": "no key sesame-12345"}
        for status in (400, 403, 503):
            with Loopback(Told(Reply(said, status))) as server, pytest.raises(StoreError) as told:
                self.at(server.url, api_key="sesame-12345", attempts=1).open(SPEC)
            assert "no key ***" in str(told.value)
            assert "sesame" not in str(told.value)
        self.stores.service.users = {"open-sesame": self.users()["all"]}
        assert self.stores.make(SPEC, api_key="open-sesame\n").head() == 0

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(b"<html>hi</html>"),
            Reply({"name": "node-1"}),
            Reply(b"not found", 404),
            Reply([1]),
            Reply(None),
        ],
        ids=["a page", "another server", "not found", "a list", "nothing"],
    )
    def test_what_is_another_server_is_said(self, reply: Reply) -> None:
        said = rf"no {self.product} server.*Check {self.address}"
        with Loopback(Told(reply)) as server, pytest.raises(StoreError, match=said):
            self.at(server.url, attempts=1).open(SPEC)

    def test_retry_after_is_kept_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store, slept = self.stores.make(SPEC), list[float]()
        monkeypatch.setattr("time.sleep", slept.append)
        usual, left = self.stores.service.answer, [Refusal(429, {"message": "x"}, {"Retry-After": "7"})] * 2

        def limited(request: Request) -> Any:
            if left:
                raise left.pop()
            return usual(request)

        self.stores.service.answer = limited
        assert store.head() == 0
        assert slept == [7.0, 7.0]

    def test_a_role_that_may_only_read(self) -> None:
        self.stores.service.users = self.users()
        store = self.stores.make(SPEC, name="Ours", api_key="all")
        store.commit([put("a", [("one", EAST)])])
        reader = self.stores.make(SPEC, name="Ours", api_key="reader")
        with reader.hold() as commit:
            hits = reader.search(EAST[None], 1, Scope(commit=commit))[0].id_list()
            assert texts(reader, hits) == ["one"]
            assert reader.search_terms([["one"]], 1, Scope(commit=commit))[0].id_list() == hits
        assert reader.counts() == store.counts()
        for call in (lambda: reader.commit([put("b", [("two", EAST)])]), reader.compact):
            with pytest.raises(StoreError, match=rf"role does not allow it \(HTTP 403.*{self.forbidden}"):
                call()
        with pytest.raises(StoreError, match=r"role does not allow it"):
            self.stores.make(SPEC, name="New", api_key="reader")
        assert store.counts().chunks == 1

    def test_there_is_no_index(self) -> None:
        self.sized(SPEC.dimension)
        for spec, create in ((None, True), (SPEC, False)):
            with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
                self.at(self.stores.server.url).open(spec, create=create)
        assert self.places() == []

    def test_a_format_of_the_future_is_not_read(self) -> None:
        store = self.stores.make(SPEC, name="Ours")
        store._server.change_head({"format": 99}, {})
        with pytest.raises(ConfigError, match=r"format 99, and this version of ragkit reads 1"):
            self.stores.make(SPEC, name="Ours")

    def test_after_a_fork_connections_are_made_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two processes on one connection would read each other's answers."""
        store = self.stores.make(SPEC)
        before = store._server._client
        assert store.head() == 0
        assert store._server._client is before
        monkeypatch.setattr("os.getpid", lambda: 1)
        assert store.head() == 0
        assert store._server._client is not before
        before.close()

    def test_what_is_forgotten_is_gone_and_check_says_what_is_wrong(self, tmp_path: Path) -> None:
        self.sized(_DIMENSION)
        config, names = (
            tmp_path / "rag.yaml",
            {"USE": self.use, "ADDRESS": self.address, "URL": self.stores.server.url},
        )
        text = _CONFIG
        for name, value in names.items():
            text = text.replace(name, value)
        config.write_text(text, encoding="utf-8")
        with ragkit.load(config) as rag:
            assert rag.check()["store"] == self.use
            rag.ingest(
                [ragkit.Document("note-7", "Ada's door code is 4711. Код двери: 4711.")], progress=False
            )
            hits = rag.retrieve("код двери", retriever="bm25").hits
            assert [hit.chunk.document_id for hit in hits] == ["note-7"]
            for said in ("4711", "note-7"):
                assert any(said in one for one in self.held())
            done = rag.forget("note-7")
            assert (done.documents, done.erased) == (("note-7",), True)
            assert rag.retrieve("door code 4711", retriever="bm25").hits == ()
        assert not any("4711" in one or "note-7" in one for one in self.held())
        self.stores.server.stop()
        with (
            pytest.raises(RagkitError, match=r"cannot be reached.*Check that the server runs"),
            ragkit.load(config) as rag,
        ):
            rag.check()


def dumped(held: Any) -> list[str]:
    """What a server holds, as texts."""
    return [json.dumps(one, ensure_ascii=False) for one in held]
