"""A whole RAG on OpenSearch, by changing the store in its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import RagkitError
from tests.connectors.opensearch.server.http import LocalServer

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
CONFIG = """\
ragkit: 1
models: {embed: embed/bundled}
stores:
  search: {use: store/opensearch, hosts: ["URL"], name: support, replicas: 0}
collection: {store: search, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, server: LocalServer) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(CONFIG.replace("URL", server.url), encoding="utf-8")
    return path


def test_what_is_forgotten_is_gone(config: Path, server: LocalServer) -> None:
    with ragkit.load(config) as rag:
        rag.ingest([ragkit.Document("note-7", "Ada's door code is 4711.")], progress=False)
        done = rag.forget("note-7")
        assert (done.documents, done.erased) == (("note-7",), True)
        assert rag.retrieve("door code 4711", retriever="bm25").hits == ()
        assert rag.status().as_json()["to_erase"] is False
    left = [doc.source for index in server.cluster.indexes.values() for doc in index.docs.values()]
    assert not any("4711" in source or "note-7" in source for source in left)


def test_check_reaches_the_index_and_says_what_is_wrong(config: Path, server: LocalServer) -> None:
    with ragkit.load(config) as rag:
        assert rag.check()["store"] == "store/opensearch"
    server.cluster.version = "2.4.0"
    with (
        pytest.raises(RagkitError, match=r"OpenSearch 2\.4\.0, and .* needs 2\.16 or newer"),
        ragkit.load(config) as rag,
    ):
        rag.check()
    server.stop()
    config.write_text(config.read_text().replace("replicas: 0", "replicas: 0, attempts: 1"), encoding="utf-8")
    with (
        pytest.raises(RagkitError, match=r"cannot be reached.*Check that the server runs"),
        ragkit.load(config) as rag,
    ):
        rag.check()
