"""LlamaIndex inside ragkit: its embeddings, readers, node parsers and indexes, named in a rag.yaml."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core import Document, MockEmbedding, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BaseReader
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import SimpleVectorStore

import ragkit
from ragkit.errors import ConfigError, ModelError, StageError, TenantError
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.stage import fan_out
from ragkit.protocols import Embedder
from ragkit.protocols.ingestion import Chunker, Loader
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.llamaindex import (
    LlamaIndexChunker,
    LlamaIndexEmbedder,
    LlamaIndexLoader,
    LlamaIndexRetrieve,
    RagkitRetriever,
    offer,
)
from tests.connectors.adapters import (
    QUESTION,
    NeedsItsExtra,
    cites_what_stands_there,
    hashed,
    ingests_all_once,
    loses_nothing_before_a_break,
    yaml_with,
)

POLICIES = Path(__file__).parents[3] / "examples" / "corpus" / "en" / "policies"
WARRANTY = "How long is the warranty of a Wick 5?"


class Hashing(BaseEmbedding):
    """A vector for each text that depends on its words, without a model."""

    size: int = 48

    def _get_text_embedding(self, text: str) -> list[float]:
        return hashed(text, self.size)

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


YAML = yaml_with(
    "llamaindex", loader="reader", chunker="parser", source="team-index", field="file_name: keyword"
)


def files() -> SimpleDirectoryReader:
    return SimpleDirectoryReader(str(POLICIES), required_exts=[".md"])


def test_all_of_it_by_name_in_a_file(tmp_path: Path) -> None:
    parser = SentenceSplitter(chunk_size=200, chunk_overlap=20)
    index = VectorStoreIndex(
        parser.get_nodes_from_documents(files().load_data()), embed_model=Hashing(size=64)
    )
    offer("team-embeddings", Hashing)
    offer("team-files", files)
    offer("team-parser", parser)
    offer("team-index", index)
    path = tmp_path / "rag.yaml"
    path.write_text(YAML)
    with ragkit.load(path) as rag:
        ingests_all_once(rag)
        assert rag.status().embedder == "Hashing"
        ranking = rag.retrieve(WARRANTY, filter={"file_name": "warranty.md"})
        assert any("llamaindex" in hit.scores for hit in ranking.hits)
        for hit in ranking.hits:
            source = rag.source(hit.chunk.document_id)
            assert source[hit.chunk.span.start : hit.chunk.span.end] == hit.chunk.text
        node = RagkitRetriever(rag, k=1).retrieve(WARRANTY)[0].node
        assert node.ref_doc_id == node.metadata["file_path"] == str(POLICIES / "warranty.md")
        assert node.metadata["file_size"] == (POLICIES / "warranty.md").stat().st_size
        cites_what_stands_there(rag, WARRANTY)


def test_a_file_is_checked_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(YAML.replace("team-files", "team-fils"))
    offer("team-files", [])
    offer("team-parser", object())
    offer("team-index", SimpleVectorStore())
    with pytest.raises(ConfigError) as caught:
        ragkit.load(path)
    said = "\n".join(caught.value.problems)
    assert "no reader is offered under the name 'team-fils'. Did you mean 'team-files'?" in said
    assert "'team-parser': object is no node parser of LlamaIndex" in said
    assert "'team-index': SimpleVectorStore is no retriever or index of LlamaIndex" in said


# --- embeddings -----------------------------------------------------------------------------------


def test_vectors_are_of_unit_length_in_an_index_that_knows_its_model(tmp_path: Path) -> None:
    embedder: Embedder = LlamaIndexEmbedder(model=Hashing(), batch_size=2)
    assert isinstance(embedder, Embedder)
    assert embedder.dimension == 48
    found = embedder.embed(["one two", "three", "lone \ud800"], "passage")
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(embedder.embed(["one two"], "query")[0], found[0])
    prints = [LlamaIndexEmbedder(model=Hashing(size=size)).fingerprint for size in (48, 48, 64)]
    assert prints[0] == prints[1] != prints[2]


class Failing(MockEmbedding):
    def _get_query_embedding(self, query: str) -> list[float]:
        raise KeyError("x")


def test_a_model_that_fails_is_told_as_ours() -> None:
    with pytest.raises(ModelError, match=r"llamaindex \(Failing\): KeyError"):
        LlamaIndexEmbedder(model=Failing(embed_dim=4)).embed(["a"], "query")
    with pytest.raises(ConfigError, match="expected an embedding model of LlamaIndex, got int"):
        LlamaIndexEmbedder(model=3)


# --- readers --------------------------------------------------------------------------------------


def loaded(*documents: Any, **settings: Any) -> list[Any]:
    return list(LlamaIndexLoader(reader=documents, **settings).load())


def test_a_random_id_is_none() -> None:
    given = Document(text="One.", metadata={"file_path": "a.pdf", "page_label": "1"})
    found = loaded(
        given,
        Document(text="Two.", metadata={"file_path": "a.pdf", "page_label": "2"}),
        Document(text="Three.", id_="note-3", metadata={"url": "wiki://3"}),
    )
    assert [(d.id, d.uri) for d in found] == [
        ("a.pdf", "a.pdf"),
        ("a.pdf#2", "a.pdf"),
        ("note-3", "wiki://3"),
    ]
    assert found[1].metadata == {"file_path": "a.pdf", "page_label": "2"}
    assert loaded(given, random_ids=True)[0].id == given.id_
    assert loaded(given, source_keys=("page_label",), keep=())[0].id == "1"


def test_what_has_no_name_is_not_read_unless_its_text_names_it(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        nameless = [Document(text="It lasts two years."), Document(text="x", id_="x"), "no document"]
        report = rag.ingest(LlamaIndexLoader(reader=nameless), progress=False)
        assert (report.committed, report.rejected) == (1, 2)
        reasons = [document.reason or "" for document in report.documents]
        assert any("neither an id nor a source" in reason for reason in reasons)
        assert any("expected a Document of LlamaIndex, got str" in reason for reason in reasons)
        for state in ("committed", "unchanged"):
            # Read anew, with another random id: the same document all the same.
            again = LlamaIndexLoader(reader=[Document(text="It lasts two years.")], ids="content")
            assert getattr(rag.ingest(again, progress=False), state) == 1


class Pages(BaseReader):
    """Reads only when asked, and only in the blocking way, as most readers do."""

    def __init__(self, breaks: bool = False) -> None:
        self.breaks, self.n_read = breaks, 0

    def load_data(self, urls: Iterable[str] = ("a", "b")) -> list[Document]:
        self.n_read += 1
        return [Document(text=f"Page {url}.", metadata={"URL": url}) for url in urls]


class Rows(Pages):
    def lazy_load_data(self, n: int = 3) -> Iterable[Document]:
        for i in range(n):
            self.n_read += 1
            yield Document(text=f"Row {i}.", id_=f"row-{i}")
        if self.breaks:
            raise OSError("the wiki is gone")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_reader_that_breaks_loses_nothing_that_came_before(tmp_path: Path, is_async: bool) -> None:
    loader = LlamaIndexLoader(reader=Rows(breaks=True), options={"n": 3})
    loses_nothing_before_a_break(tmp_path, loader, "row-2", is_async=is_async)


def test_loading_is_lazy_where_a_reader_can(tmp_path: Path) -> None:
    lazy = Rows()
    documents = LlamaIndexLoader(reader=lazy, options={"n": 1_000}).load()
    assert lazy.n_read == 0
    next(documents)
    assert lazy.n_read == 1
    found = list(LlamaIndexLoader(reader=Pages(), options={"urls": ["x://1", "x://2"]}).load())
    assert [d.uri for d in found] == ["x://1", "x://2"]

    async def both() -> list[Any]:
        return [d.uri async for d in LlamaIndexLoader(reader=Pages()).aload()]

    assert asyncio.run(both()) == ["a", "b"]


def test_bad_documents_end_alone(tmp_path: Path) -> None:
    bad = [
        Document(text="lone \ud800", id_="surrogate"),
        Document(text="object", id_="object", metadata={"x": object()}),
        Document(text=" \n", id_="blank"),
        Document(text="It lasts two years.", id_="good", metadata={"deep": {"a": [1, {"b": None}]}}),
    ]
    with ragkit.open(tmp_path) as rag:
        report = rag.ingest(LlamaIndexLoader(reader=bad), progress=False)
        states = {d.uri: (d.state, d.reason or "") for d in report.documents}
        assert (report.seen, report.committed) == (4, 1)
        assert "half a surrogate pair" in states["surrogate"][1]
        assert "metadata.x" in states["object"][1]
        node = RagkitRetriever(rag, k=1).retrieve("How long does it last?")[0].node
        assert node.metadata["deep"] == {"a": [1, {"b": None}]}


# --- retrievers -----------------------------------------------------------------------------------


class Fixed(BaseRetriever):
    """Gives the nodes that it was made with; its async way is the blocking one."""

    def __init__(self, *nodes: NodeWithScore, error: Exception | None = None) -> None:
        super().__init__()
        self.nodes, self.error = list(nodes), error

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if self.error is not None:
            raise self.error
        return self.nodes


def with_arm(folder: Path, arm: LlamaIndexRetrieve, **options: Any) -> ragkit.RAG:
    graph = fan_out(Bm25Retrieve(), arm) >> RrfFuse(k=8) >> ExtractiveGenerate() >> VerifyCitations()
    return ragkit.open(folder, graph=graph, **options)


def node(text: str, score: float | None = None, **metadata: Any) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, metadata=metadata), score=score)


def test_what_a_retriever_finds_becomes_our_passages(handbook_index: Path, handbook: ragkit.RAG) -> None:
    wanted = handbook.retrieve(QUESTION, k=1).hits[0].chunk
    elsewhere = node(f"  {wanted.text[10:-10]}  ".replace("\n", "  "), 0.5)
    named = RagkitRetriever(handbook, k=2).retrieve(WARRANTY)
    invented = node("The moon is made of green cheese, and nobody has seen its other side.", 0.4)
    forged = node("Lantern costs nothing.", 0.3, id=wanted.id)
    source = Fixed(elsewhere, *named, invented, forged)
    for scores in ("rank", "relevance"):
        arm = LlamaIndexRetrieve(source=source, scores=scores)
        with with_arm(handbook_index, arm, create=False) as rag:
            ranking = rag.retrieve(QUESTION, k=50)
            theirs = {h.chunk.id: h.scores["llamaindex"] for h in ranking.hits if "llamaindex" in h.scores}
            told = [0.5, *(n.score for n in named)] if scores == "relevance" else [1.0, 0.98, 0.96]
            assert theirs == pytest.approx(
                dict(zip([wanted.id, *(n.node_id for n in named)], told, strict=True))
            )
            answer = rag.ask(QUESTION)
            facts = [step["facts"] for step in rag.trace(answer.trace_id)["nodes"]]
            assert {"not_in_collection": 2} in facts
            assert all(c.quote == rag.source(c.document_id)[c.start : c.end] for c in answer.citations)


@pytest.mark.parametrize(
    ("source", "why"),
    [(Fixed(error=ConnectionError("no route")), "no route"), (Fixed(node("x y z")), "Set scores: rank")],
)
def test_a_retriever_that_fails_says_so(handbook_index: Path, source: Fixed, why: str) -> None:
    arm = LlamaIndexRetrieve(source=source, scores="relevance")
    with with_arm(handbook_index, arm, create=False) as rag, pytest.raises(StageError, match=why):
        rag.ask(QUESTION)


def test_tenants_are_kept_apart_or_it_is_refused(tmp_path: Path) -> None:
    fields = {"collection.fields": {"tenant": "keyword!"}}
    texts = {t: f"At {t} the returns of goods are accepted for thirty days." for t in ("acme", "zenith")}
    with ragkit.open(tmp_path, set=fields) as rag:
        for tenant, text in texts.items():
            rag.ingest(ragkit.Document("terms", text), tenant=tenant, progress=False)
    nodes = [TextNode(text=text, metadata={"owner": tenant}) for tenant, text in texts.items()]
    index = VectorStoreIndex(nodes, embed_model=Hashing())
    for arm, why in (
        (LlamaIndexRetrieve(source=index), "tenant_field"),
        (LlamaIndexRetrieve(source=index.as_retriever(), tenant_field="owner"), "Give the index itself"),
    ):
        with with_arm(tmp_path, arm, set=fields) as rag, pytest.raises(TenantError, match=why):
            rag.retrieve("returns", tenant="acme")
    asked: list[Any] = []

    class Careless(VectorStoreIndex):
        """Forgets the filter that it is asked with."""

        def as_retriever(self, **options: Any) -> Any:
            asked.append(options.pop("filters"))
            return super().as_retriever(**options)

    for source in (index, Careless(nodes, embed_model=Hashing())):
        with with_arm(tmp_path, LlamaIndexRetrieve(source=source, tenant_field="owner"), set=fields) as rag:
            (hit,) = rag.retrieve("returns", tenant="acme").hits
        assert hit.chunk.tenant == "acme"
        assert "llamaindex" in hit.scores
    ((one,),) = [filters.filters for filters in asked]
    assert (one.key, one.value) == ("owner", "acme")


# --- all of them ----------------------------------------------------------------------------------


def test_they_are_what_they_say() -> None:
    assert isinstance(LlamaIndexLoader(reader=[]), Loader)
    assert isinstance(LlamaIndexChunker(parser=SentenceSplitter()), Chunker)


class TestExtra(NeedsItsExtra):
    library, package = "llamaindex", "llama_index"
