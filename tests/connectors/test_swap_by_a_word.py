"""One rag.yaml with every store: which one answers is a word, and the answers are the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from tests.conftest import CORPUS
from tests.connectors.every_store import KINDS, OTHERS

QUESTION = "How long is the Wick 7 covered?"
ASKED = (QUESTION, "return a parcel", "Как вернуть товар?", "гарантия на сканер")
CONFIG = """\
ragkit: 1
models: {embed: embed/bundled}
stores:
  local: {use: store/local, path: FOLDER/local}
  qdrant: {use: store/qdrant, path: FOLDER/qdrant}
  edge: {use: store/qdrant, engine: edge, path: FOLDER/edge}
  pgvector: {use: store/pgvector, dsn: "${RAGKIT_TEST_PG}", name: NAME}
  opensearch: {use: store/opensearch, hosts: ["${RAGKIT_TEST_OPENSEARCH}"], replicas: 0}
  pinecone: {use: store/pinecone, host: "${RAGKIT_TEST_PINECONE}"}
  weaviate: {use: store/weaviate, url: "${RAGKIT_TEST_WEAVIATE}", name: Ragkit}
  lancedb: {use: store/lancedb, path: FOLDER/lancedb}
  milvus: {use: store/milvus, path: FOLDER/milvus.db, partitions: 2}
collection: {store: local, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    for package in ("psycopg", "qdrant_client", "opensearchpy", "milvus_lite", "lancedb", "graphql"):
        pytest.importorskip(package)
    from tests.connectors.loopback import Loopback
    from tests.connectors.opensearch.server.http import LocalServer
    from tests.connectors.pgvector_server import Stores, server
    from tests.connectors.pinecone.server.service import Pinecone
    from tests.connectors.weaviate.server.service import Weaviate

    folder, stores = tmp_path_factory.mktemp("swap"), Stores()
    text = CONFIG.replace("FOLDER", str(folder)).replace("NAME", stores.unopened().config.name)
    (folder / "rag.yaml").write_text(text, encoding="utf-8")
    index = Pinecone(384)
    index.is_lagging = False
    with (
        LocalServer() as search,
        Loopback(Weaviate()) as weaviate,
        Loopback(index) as pinecone,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setitem(os.environ, "RAGKIT_TEST_PINECONE", pinecone.url)
        patch.setitem(os.environ, "RAGKIT_TEST_WEAVIATE", weaviate.url)
        patch.setitem(os.environ, "RAGKIT_TEST_PG", server().dsn())
        patch.setitem(os.environ, "RAGKIT_TEST_OPENSEARCH", search.url)
        yield folder / "rag.yaml"
    stores.close()


def opened(config: Path, kind: str) -> ragkit.RAG:
    return ragkit.load(config, set={"collection.store": kind})


@pytest.fixture(scope="module")
def told(config: Path) -> dict[tuple[str, str], list[tuple[str, float]]]:
    """What the embedded store answers."""
    with opened(config, "local") as rag:
        rag.ingest([CORPUS / "en" / "policies", CORPUS / "ru"], progress=False)
        return passages(rag)


def passages(rag: ragkit.RAG) -> dict[tuple[str, str], list[tuple[str, float]]]:
    return {
        (question, retriever): [
            (hit.chunk.id, hit.score) for hit in rag.retrieve(question, retriever=retriever).hits
        ]
        for question in ASKED
        for retriever in ("bm25", "dense", "hybrid")
    }


@pytest.mark.parametrize("kind", OTHERS)
def test_another_store_answers_the_same(
    config: Path, told: dict[tuple[str, str], list[tuple[str, float]]], kind: str
) -> None:
    with opened(config, kind) as rag:
        checked = rag.check()
        assert checked["store"] == ("store/qdrant" if kind == "edge" else f"store/{kind}")
        place = {"qdrant": f"{config.parent}/qdrant, collection", "pgvector": ", schema t"}
        place["edge"] = f"{config.parent}/edge, collection"
        place |= {"weaviate": ", collection Ragkit", "pinecone": ", namespaces ragkit"}
        place["milvus"] = f"{config.parent}/milvus.db, collection ragkit"
        place["lancedb"] = f"lancedb {config.parent}/lancedb"
        assert place.get(kind, ", index ragkit") in checked["place"]
        report = rag.ingest([CORPUS / "en" / "policies", CORPUS / "ru"], progress=False)
        assert report.committed == report.seen > 3
        for key, hits in passages(rag).items():
            assert [identity for identity, _ in hits] == [identity for identity, _ in told[key]], key
            assert [s for _, s in hits] == pytest.approx([s for _, s in told[key]], abs=1e-6)
        assert str(rag.ask(QUESTION).citations[0].uri).endswith("policies/warranty.md")
        again = rag.ingest([CORPUS / "en" / "policies", CORPUS / "ru"], progress=False)
        assert (again.committed, again.unchanged) == (0, report.seen)
        assert rag.verify() == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_forgotten_is_gone(config: Path, kind: str) -> None:
    with opened(config, kind) as rag:
        rag.ingest([ragkit.Document("note-7", "Ada's door code is 4711.")], progress=False)
        done = rag.forget("note-7")
        assert (done.documents, done.erased) == (("note-7",), True)
        assert all(
            hit.chunk.document_id != "note-7" for hit in rag.retrieve("door code 4711", retriever="bm25").hits
        )
        assert rag.status().as_json()["to_erase"] is False
