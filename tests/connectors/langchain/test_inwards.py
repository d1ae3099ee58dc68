"""LangChain inside ragkit: its embeddings, loaders, splitters and stores, named in a rag.yaml."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore

import ragkit
from ragkit import registry
from ragkit.errors import ConfigError, ModelError, StageError, TenantError
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.stage import fan_out
from ragkit.protocols import Embedder
from ragkit.protocols.ingestion import Chunker, Loader
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.langchain import (
    LangChainEmbedder,
    LangChainLoader,
    LangChainRetrieve,
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

CORPUS = Path(__file__).parents[3] / "examples" / "corpus"


class Files(BaseLoader):
    """Loads the policies, a document for each file, as loaders do: with a source and no id."""

    def lazy_load(self) -> Iterator[Document]:
        for path in sorted((CORPUS / "en" / "policies").glob("*.md")):
            yield Document(path.read_text(), metadata={"source": path.name, "loc": {"lines": [1, 2]}, "n": 7})


class Hashing(Embeddings):
    """A vector for each text that depends on its words, without a model."""

    def embed_query(self, text: str) -> list[float]:
        return hashed(text, 48)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


YAML = yaml_with("langchain", loader="loader", chunker="splitter", source="team-store", field="n: integer")


def test_all_of_it_by_name_in_a_file(tmp_path: Path) -> None:
    splitters = pytest.importorskip("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter(chunk_size=600, chunk_overlap=60)
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=32))
    store.add_documents(splitter.split_documents(Files().load()))
    offer("team-embeddings", Hashing)
    offer("team-files", Files)
    offer("team-splitter", splitter)
    offer("team-store", store)
    path = tmp_path / "rag.yaml"
    path.write_text(YAML)
    with ragkit.load(path) as rag:
        ingests_all_once(rag)
        assert rag.status().embedder == "Hashing"
        ranking = rag.retrieve("How long is the warranty of a Wick 5?", filter={"n": 7})
        assert any("langchain" in hit.scores for hit in ranking.hits)
        for hit in ranking.hits:
            source = rag.source(hit.chunk.document_id)
            assert source[hit.chunk.span.start : hit.chunk.span.end] == hit.chunk.text
        found = RagkitRetriever(rag=rag, k=1).invoke("How long is the warranty of a Wick 5?")[0].metadata
        assert (found["source"], found["loc"], found["n"]) == (found["document_id"], {"lines": [1, 2]}, 7)
        cites_what_stands_there(rag, "How long is the warranty of a Wick 5?")


def test_a_file_is_checked_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(YAML.replace("team-files", "team-fils"))
    offer("team-files", [])
    offer("team-splitter", object())
    with pytest.raises(ConfigError) as caught:
        ragkit.load(path)
    said = "\n".join(caught.value.problems)
    assert "no document loader is offered under the name 'team-fils'. Did you mean 'team-files'?" in said
    assert "'team-splitter': object is no text splitter of LangChain" in said


# --- embeddings -----------------------------------------------------------------------------------


class Vectors(Embeddings):
    """Gives the vectors that it was made with, whatever the text."""

    def __init__(self, *vectors: Any, error: Exception | None = None) -> None:
        self.vectors, self.error, self.asked = list(vectors), error, 0
        self.api_key, self.model = "sk-hidden", "toy"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [self.vectors[i % len(self.vectors)] for i in range(len(texts))]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def test_vectors_are_of_unit_length_and_asked_for_in_batches() -> None:
    model = Vectors([3.0, 4.0])
    embedder: Embedder = LangChainEmbedder(model=model, batch_size=2)
    assert isinstance(embedder, Embedder)
    assert embedder.dimension == 2
    np.testing.assert_allclose(embedder.embed(["a", "b", "c"], "passage"), [[0.6, 0.8]] * 3)
    assert model.asked == 3  # the dimension once, then three texts in two batches
    assert embedder.embed([], "passage").shape == (0, 2)
    assert embedder.embed(["lone \ud800"], "query").shape == (1, 2)


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        ([[1.0, 0.0], [1.0, 0.0, 0.0]], "dimension 2, 3: expected 2"),
        ([[1.0, 0.0], [float("nan"), 0.0]], "NaN or infinity for text 2 of 2"),
        ([[1.0, 0.0], [float("inf"), 0.0]], "NaN or infinity for text 2 of 2"),
        ([[1.0, 0.0], [0.0, 0.0]], "a vector of zeros for text 2 of 2"),
    ],
)
def test_what_is_no_vector_is_an_error(vectors: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        LangChainEmbedder(model=Vectors(*vectors)).embed(["a", "b"], "passage")


def test_a_model_that_fails_is_told_as_ours() -> None:
    with pytest.raises(ModelError, match=r"langchain \(toy\): KeyError"):
        LangChainEmbedder(model=Vectors([1.0], error=KeyError("x"))).embed(["a"], "passage")


def test_the_space_is_told_without_secrets() -> None:
    one, other = Vectors([1.0, 0.0]), Vectors([1.0, 0.0])
    other.model = "another"
    prints = [LangChainEmbedder(model=model).fingerprint for model in (one, other)]
    assert prints[0] != prints[1]
    assert "sk-hidden" not in prints[0]
    assert LangChainEmbedder(model=one, space="team/1").fingerprint == "langchain|team/1"


def test_an_index_refuses_another_model(tmp_path: Path) -> None:
    one, other = Vectors([1.0, 0.0]), Vectors([1.0, 0.0])
    other.model = "another"
    settings = {"use": "embed/langchain", "model": "vectors"}
    for model in (one, other):
        offer("vectors", model)
        with ragkit.open(tmp_path, set={"models.embed": settings}) as rag:
            if model is one:
                assert rag.ingest(ragkit.Document("a", "One."), progress=False).committed == 1
            else:
                with pytest.raises(ConfigError, match="another"):
                    rag.status()


# --- loaders --------------------------------------------------------------------------------------


def loaded(*documents: Any, **settings: Any) -> list[Any]:
    return list(LangChainLoader(loader=documents, **settings).load())


def test_documents_are_named_by_id_or_source() -> None:
    found = loaded(
        Document("One.", id="a", metadata={"source": "a.md"}),
        Document("Two.", metadata={"source": "b.pdf", "page": 0}),
        Document("Three.", metadata={"source": "b.pdf", "page": 1}),
    )
    assert [(d.id, d.uri) for d in found] == [("a", "a.md"), ("b.pdf", "b.pdf"), ("b.pdf#2", "b.pdf")]
    assert found[1].metadata == {"source": "b.pdf", "page": 0}
    keyed = loaded(Document("One.", metadata={"key": 7, "x": 1}), id_key="key", keep=("x",))
    assert (keyed[0].id, keyed[0].metadata) == ("7", {"x": 1})


def test_what_has_no_name_is_not_read_unless_its_text_names_it(tmp_path: Path) -> None:
    nameless = Document("It lasts two years.")
    with ragkit.open(tmp_path) as rag:
        report = rag.ingest(LangChainLoader(loader=[nameless, Document("x", id="x")]), progress=False)
        assert (report.committed, report.rejected) == (1, 1)
        assert "neither an id nor a source" in (report.documents[0].reason or "")
        by_text = LangChainLoader(loader=[nameless], ids="content")
        assert rag.ingest(by_text, progress=False).committed == 1
        assert rag.ingest(by_text, progress=False).unchanged == 1
    (missing,) = loaded(Document("x", metadata={"keys": 1}), id_key="key")
    assert "no metadata 'key'" in missing.reason
    assert "Did you mean 'keys'" in missing.reason


class Breaking(BaseLoader):
    def lazy_load(self) -> Iterator[Document]:
        for i in range(3):
            yield Document(f"Row {i}.", id=str(i))
        raise OSError("the wiki is gone")


class BreakingApart(Breaking):
    async def alazy_load(self) -> AsyncIterator[Document]:
        for document in super().lazy_load():
            yield document


@pytest.mark.parametrize("is_async", [False, True])
def test_a_loader_that_breaks_loses_nothing_that_came_before(tmp_path: Path, is_async: bool) -> None:
    loader = LangChainLoader(loader=BreakingApart())
    loses_nothing_before_a_break(tmp_path, loader, "2", is_async=is_async)


def test_bad_documents_end_alone(tmp_path: Path) -> None:
    class Odd:
        pass

    bad = [
        Document("lone \ud800", id="surrogate"),
        Document("bytes", id="bytes", metadata={"x": b"\xff"}),
        Document("object", id="object", metadata={"x": Odd()}),
        Document("nan", id="nan", metadata={"x": float("nan")}),
        Document(" \n", id="blank"),
        "no document",
        Document("It lasts two years.", id="good", metadata={"deep": {"a": [1, {"b": None}]}, "x": 2**70}),
        Document("A nul \x00 stands here.", id="nul"),
    ]
    with ragkit.open(tmp_path) as rag:
        report = rag.ingest(LangChainLoader(loader=bad), progress=False)
        states = {d.uri: (d.state, d.reason or "") for d in report.documents}
        assert (report.seen, report.committed) == (8, 2)
        assert "half a surrogate pair" in states["surrogate"][1]
        for name in ("bytes", "object", "nan"):
            assert states[name][0] == "quarantined"
            assert "metadata.x" in states[name][1]
        assert "expected a Document of LangChain, got str" in states["item 6 of the loader"][1]
        found = RagkitRetriever(rag=rag, k=1).invoke("How long does it last?")[0].metadata
        assert (found["deep"], found["x"]) == ({"a": [1, {"b": None}]}, 2**70)


def test_loading_is_lazy() -> None:
    taken: list[int] = []

    def many() -> Iterator[Document]:
        for i in range(1_000):
            taken.append(i)
            yield Document("x", id=str(i))

    documents = LangChainLoader(loader=many()).load()
    assert taken == []
    next(documents)
    assert taken == [0]


# --- retrievers -----------------------------------------------------------------------------------


class Fixed(BaseRetriever):
    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return self.documents


def with_arm(folder: Path, arm: LangChainRetrieve, **options: Any) -> ragkit.RAG:
    graph = fan_out(Bm25Retrieve(), arm) >> RrfFuse(k=8) >> ExtractiveGenerate() >> VerifyCitations()
    return ragkit.open(folder, graph=graph, **options)


def test_what_a_retriever_finds_becomes_our_passages(handbook_index: Path, handbook: ragkit.RAG) -> None:
    wanted = handbook.retrieve(QUESTION, k=1).hits[0].chunk
    elsewhere = Document(f"  {wanted.text[10:-10]}  ".replace("\n", "  "))
    named = RagkitRetriever(rag=handbook, k=2).invoke("How long is the warranty of a Wick 5?")
    invented = Document("The moon is made of green cheese, and nobody has seen its other side.")
    forged = Document("Lantern costs nothing.", metadata={"id": wanted.id})
    source = Fixed(documents=[elsewhere, *named, invented, forged])
    with with_arm(handbook_index, LangChainRetrieve(source=source), create=False) as rag:
        ranking = rag.retrieve(QUESTION, k=50)
        theirs = {h.chunk.id: h.scores["langchain"] for h in ranking.hits if "langchain" in h.scores}
        assert theirs == pytest.approx({wanted.id: 1.0, named[0].id: 0.98, named[1].id: 0.96})
        answer = rag.ask(QUESTION)
        facts = [node["facts"] for node in rag.trace(answer.trace_id)["nodes"]]
        assert {"not_in_collection": 2} in facts
        assert all(c.quote == rag.source(c.document_id)[c.start : c.end] for c in answer.citations)


def test_a_retriever_that_fails_is_done_without(handbook_index: Path) -> None:
    class Down(Fixed):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            raise ConnectionError("no route")

    arm = LangChainRetrieve(source=Down(documents=[]))
    with with_arm(handbook_index, arm, create=False) as rag, pytest.raises(StageError, match="no route"):
        rag.ask(QUESTION)


FIELDS = {"tenant": "keyword!"}


def test_tenants_are_kept_apart_or_it_is_refused(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Filtering(InMemoryVectorStore):
        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            asked.append(kwargs["filter"])
            found: list[Document] = super().similarity_search(query, k)
            return found  # whatever the filter says, as a wrongly set up store would

        async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            return self.similarity_search(query, k, **kwargs)

    texts = {t: f"At {t} the returns of goods are accepted for thirty days." for t in ("acme", "zenith")}
    store = Filtering(DeterministicFakeEmbedding(size=16))
    store.add_documents([Document(text, metadata={"owner": t}) for t, text in texts.items()])
    fields = {"collection.fields": FIELDS}
    with ragkit.open(tmp_path, set=fields) as rag:
        for tenant, text in texts.items():
            rag.ingest(ragkit.Document("terms", text), tenant=tenant, progress=False)
    with (
        with_arm(tmp_path, LangChainRetrieve(source=store), set=fields) as rag,
        pytest.raises(TenantError, match="tenant_field"),
    ):
        rag.retrieve("returns", tenant="acme")
    blind = LangChainRetrieve(source=store.as_retriever(), tenant_field="owner")
    with (
        with_arm(tmp_path, blind, set=fields) as rag,
        pytest.raises(TenantError, match="Give the vector store itself"),
    ):
        rag.retrieve("returns", tenant="acme")
    with with_arm(tmp_path, LangChainRetrieve(source=store, tenant_field="owner"), set=fields) as rag:
        (hit,) = rag.retrieve("returns", tenant="acme").hits
    assert asked == [{"owner": "acme"}]
    assert (hit.chunk.tenant, hit.scores["langchain"]) == ("acme", 1.0)


def test_relevance_scores_are_taken_where_a_store_has_them(handbook_index: Path) -> None:
    class Scoring(InMemoryVectorStore):
        def _select_relevance_score_fn(self) -> Any:
            return lambda score: score

    plain = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
    wrong = LangChainRetrieve(source=plain, scores="relevance")
    with (
        with_arm(handbook_index, wrong, create=False) as rag,
        pytest.raises(StageError, match="scores: rank"),
    ):
        rag.retrieve(QUESTION)
    right = LangChainRetrieve(source=Scoring(DeterministicFakeEmbedding(size=16)), scores="relevance")
    with with_arm(handbook_index, right, create=False) as rag:
        assert rag.retrieve(QUESTION).hits


# --- all of them ----------------------------------------------------------------------------------


def test_they_are_what_they_say() -> None:
    assert isinstance(LangChainLoader(loader=[]), Loader)
    splitter = type("Whole", (), {"split_text": lambda self, text: [text]})()
    assert isinstance(registry.load("chunk/langchain")(splitter=splitter), Chunker)


class TestExtra(NeedsItsExtra):
    library, package = "langchain", "langchain_core"
