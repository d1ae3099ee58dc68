"""`RagkitRetriever` in LangChain: its own standard tests, and what it promises beyond them."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any, ClassVar

import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.runnables import RunnableLambda

import ragkit
from ragkit.errors import FilterError, QueryError, TenantError
from ragkit_connectors.langchain import RagkitRetriever

QUESTION = "How long is the warranty of a Wick 5?"
FIELDS = {"tenant": "keyword!", "acl": ["keyword"], "year": "integer"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ragkit.open(tmp_path_factory.mktemp("shared"), set={"collection.fields": FIELDS}) as rag:
        for tenant in ("acme", "zenith"):
            rag.ingest(
                [
                    ragkit.Document(
                        f"{tenant}-{year}",
                        f"Returns at {tenant} are accepted for {year - 2000} days.",
                        metadata={"year": year},
                    )
                    for year in (2014, 2030)
                ],
                tenant=tenant,
                acl=["staff"],
                progress=False,
            )
        yield rag


def ids(documents: list[Document]) -> list[str]:
    return sorted(document.metadata["document_id"] for document in documents)


def test_a_document_is_the_passage_with_its_place(handbook: ragkit.RAG) -> None:
    found = RagkitRetriever(rag=handbook, k=3).invoke(QUESTION)
    hits = handbook.retrieve(QUESTION, k=3).hits
    assert [d.page_content for d in found] == [hit.chunk.text for hit in hits]
    for document, hit in zip(found, hits, strict=True):
        told = document.metadata
        source = handbook.source(told["document_id"])
        assert source[told["start"] : told["end"]] == document.page_content
        assert document.id == told["id"] == hit.chunk.id
        assert (told["score"], told["scores"]) == (hit.score, dict(hit.scores))
        assert (told["uri"], told["lang"]) == (hit.chunk.uri, hit.chunk.lang)
        assert told["title"] == hit.chunk.metadata["title"]


def test_k_and_the_kind_of_search_are_settings(handbook: ragkit.RAG) -> None:
    retriever = RagkitRetriever(rag=handbook, k=4, retriever="bm25")
    assert len(retriever.invoke(QUESTION)) == 4
    assert len(retriever.invoke(QUESTION, k=2)) == 2
    with pytest.raises(QueryError, match="k="):
        retriever.invoke(QUESTION, k=0)
    with pytest.raises(ValueError, match="expected a RAG"):
        RagkitRetriever(rag="index/")


def test_sync_async_and_batches_give_the_same(handbook: ragkit.RAG) -> None:
    retriever = RagkitRetriever(rag=handbook, k=3)
    once = retriever.invoke(QUESTION)

    async def all_ways() -> list[list[Document]]:
        # The blocking call inside a running loop, too: it must not wait for that loop.
        return [
            await retriever.ainvoke(QUESTION),
            retriever.invoke(QUESTION),
            *await retriever.abatch([QUESTION, QUESTION]),
        ]

    assert asyncio.run(all_ways()) == [once] * 4
    assert retriever.batch([QUESTION, QUESTION]) == [once] * 2


def test_tenant_groups_and_filter_of_a_call(shared: ragkit.RAG) -> None:
    retriever = RagkitRetriever(rag=shared)
    asked = {"tenant": "acme", "acl": ["staff"]}
    assert ids(retriever.invoke("returns", {"configurable": asked})) == ["acme-2014", "acme-2030"]
    recent = {**asked, "filter": {"year": {"gte": 2020}}}
    assert ids(retriever.invoke("returns", {"configurable": recent})) == ["acme-2030"]
    assert ids(retriever.invoke("returns", **recent)) == ["acme-2030"]
    assert retriever.invoke("returns", tenant="acme", acl=["guests"]) == []
    with pytest.raises(TenantError, match="requires a tenant"):
        retriever.invoke("returns")
    with pytest.raises(FilterError, match="month"):
        retriever.invoke("returns", **asked, filter={"month": 1})


def test_what_is_fixed_cannot_be_widened_by_a_call(shared: ragkit.RAG) -> None:
    retriever = RagkitRetriever(rag=shared, tenant="acme", acl=("staff", "hr"), filter={"year": 2014})
    assert ids(retriever.invoke("returns")) == ["acme-2014"]
    assert retriever.invoke("returns", filter={"year": 2030}) == []
    assert ids(retriever.invoke("returns", {"configurable": {"acl": ["staff"]}})) == ["acme-2014"]
    with pytest.raises(TenantError, match="the tenant is fixed"):
        retriever.invoke("returns", {"configurable": {"tenant": "zenith"}})
    with pytest.raises(TenantError, match="the groups are fixed"):
        asyncio.run(retriever.ainvoke("returns", acl=["board"]))


class Seen(BaseCallbackHandler):
    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        self.told.append(("start", query, kwargs["name"], sorted(kwargs["tags"])))

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        self.told.append(("end", len(documents)))

    def on_retriever_error(self, error: BaseException, **kwargs: Any) -> None:
        self.told.append(("error", type(error).__name__))


def test_callbacks_hear_of_it(handbook: ragkit.RAG) -> None:
    seen = Seen()
    retriever = RagkitRetriever(rag=handbook, k=2, tags=["docs"])
    config: Any = {"callbacks": [seen], "run_name": "Handbook", "tags": ["night"]}
    retriever.invoke(QUESTION, config)
    with pytest.raises(QueryError):
        retriever.invoke(" ", config)
    started = ("start", QUESTION, "Handbook", ["docs", "night"])
    assert seen.told == [started, ("end", 2), ("start", " ", *started[2:]), ("error", "QueryError")]


def test_it_composes(handbook: ragkit.RAG) -> None:
    chain = RagkitRetriever(rag=handbook, k=2) | RunnableLambda(lambda found: len(found))
    assert chain.invoke(QUESTION) == 2
    backup = RunnableLambda(lambda _: [Document("nothing")])
    assert RagkitRetriever(rag=handbook).with_fallbacks([backup]).invoke(" ")[0].page_content == "nothing"


def test_it_is_copied_with_its_rag_and_never_pickled(handbook: ragkit.RAG) -> None:
    retriever = RagkitRetriever(rag=handbook, k=2)
    assert copy.deepcopy(retriever).rag is retriever.rag
    assert copy.copy(retriever).k == 2
    with pytest.raises(TypeError, match="cannot be pickled: its RAG holds open files"):
        pickle.dumps(retriever)
    assert "not_implemented" in dumps(retriever)


def test_langchains_own_standard_tests(handbook: ragkit.RAG, request: pytest.FixtureRequest) -> None:
    tests = pytest.importorskip("langchain_tests.integration_tests.retrievers")

    class Standard(tests.RetrieversIntegrationTests):  # type: ignore[name-defined]
        retriever_constructor = RagkitRetriever
        retriever_constructor_params: ClassVar = {"rag": handbook}
        retriever_query_example = QUESTION

    standard = Standard()
    names = [name for name in dir(standard) if name.startswith("test_")]
    assert len(names) >= 5
    for name in names:
        test = getattr(standard, name)
        wanted = (
            {"retriever": RagkitRetriever(rag=handbook)}
            if "retriever" in test.__code__.co_varnames[:2]
            else {}
        )
        result = test(**wanted)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
