"""What goes from LlamaIndex into ragkit and back is the same: metadata, ids, texts, places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core import Document as Theirs
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.node_parser import (
    HierarchicalNodeParser,
    JSONNodeParser,
    MarkdownNodeParser,
    NodeParser,
    SentenceSplitter,
    SentenceWindowNodeParser,
    TokenTextSplitter,
)
from llama_index.core.schema import BaseNode, NodeRelationship, NodeWithScore, TextNode

import ragkit
from ragkit import Document, Span
from ragkit.errors import DocumentError
from ragkit.types import Chunk, Hit
from ragkit_connectors.bridge.aligned import Told, spans_of
from ragkit_connectors.bridge.metadata import parted, to_ours
from ragkit_connectors.bridge.told import PLACE
from ragkit_connectors.llamaindex import (
    LlamaIndexChunker,
    LlamaIndexLoader,
    LlamaIndexRetrieve,
    RagkitRetriever,
    offer,
)
from ragkit_connectors.llamaindex.held import held
from ragkit_connectors.llamaindex.nodes import node_of
from tests.connectors.adapters import some_of
from tests.connectors.llamaindex.test_inwards import Hashing, with_arm

CORPUS = Path(__file__).parents[3] / "examples" / "corpus"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=3)
METADATA = st.dictionaries(TEXTS | st.sampled_from(sorted({*PLACE, "own"})), VALUES, max_size=5)


@settings(deadline=None)
@given(METADATA, TEXTS, st.integers(0, 1_000))
def test_a_node_keeps_metadata_and_place(metadata: dict[str, Any], text: str, start: int) -> None:
    span = Span(start, start + len(text))
    chunk = Chunk("0" * 32, "a", span=span, text=text, ordinal=0, metadata=to_ours(metadata))
    found = node_of(Hit(chunk, 0.5, scores={"bm25": 0.5}))
    node = found.node
    assert isinstance(node, TextNode)
    assert parted(node.metadata, PLACE) == metadata
    assert (node.ref_doc_id, node.start_char_idx, node.end_char_idx) == ("a", span.start, span.end)
    again = TextNode.from_json(node.to_json())
    assert again == node
    if text:
        told = held([NodeWithScore(node=again, score=found.score)])[0]
        assert (told.text, told.metadata["document_id"]) == (text, "a")
        assert (told.metadata["start"], told.metadata["end"]) == (span.start, span.end)


def test_through_an_index_and_back(tmp_path: Path) -> None:
    found = some_of(METADATA)
    given_ = [Theirs(text=f"Row {i} says row{i}x.", id_=f"id-{i}", metadata=m) for i, m in enumerate(found)]
    with ragkit.open(tmp_path) as rag:
        report = rag.ingest(LlamaIndexLoader(reader=given_, source_keys=()), progress=False)
        assert report.committed == len(given_), report.documents
        retriever = RagkitRetriever(rag, k=1, retriever="bm25")
        for i, document in enumerate(given_):
            (back,) = retriever.retrieve(f"row{i}x")
            assert (back.text, back.node.ref_doc_id) == (document.text, document.id_)
            assert parted(back.metadata, PLACE) == document.metadata


def test_nodes_come_back_out_of_an_index_of_llamaindex(handbook_index: Path, handbook: ragkit.RAG) -> None:
    """Places are kept through an index of LlamaIndex, in memory and on a disk, and back into ragkit."""
    question = "How long is the warranty of a Wick 5?"
    nodes = [found.node for found in RagkitRetriever(handbook, k=8).retrieve(question)]
    index = VectorStoreIndex([node.model_copy() for node in nodes], embed_model=Hashing())
    with pytest.MonkeyPatch.context() as patch:
        folder = handbook_index.parent / "theirs"
        index.storage_context.persist(str(folder))
        patch.setattr("llama_index.core.Settings._embed_model", Hashing())
        index = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(folder)))
    back = index.as_retriever(similarity_top_k=8).retrieve(question)
    for found in back:
        node = found.node
        source = handbook.source(node.ref_doc_id)
        assert source[node.start_char_idx : node.end_char_idx] == found.text
    with with_arm(handbook_index, LlamaIndexRetrieve(source=index, k=8), create=False) as rag:
        ranking = rag.retrieve(question)
    theirs = {hit.chunk.id for hit in ranking.hits if "llamaindex" in hit.scores}
    assert theirs
    assert theirs <= {node.node_id for node in nodes}


# --- node parsers ---------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b", "ab", "One.", "ж", "naïve!", "🙂", "—", "Two? ", "\n\n", "# H\n", "  "])
REPEATING = st.lists(WORDS, max_size=60).map(" ".join)
PARSERS = [
    SentenceSplitter(chunk_size=12, chunk_overlap=4),
    TokenTextSplitter(chunk_size=12, chunk_overlap=4),
    SentenceWindowNodeParser(window_size=1),
]


def covers(spans: list[Span], text: str) -> bool:
    covered = {i for span in spans for i in range(span.start, span.end)}
    return all(i in covered or c.isspace() or not c.isprintable() for i, c in enumerate(text))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: type(parser).__name__)
def test_no_span_is_wrong_whatever_the_text(parser: NodeParser) -> None:
    chunker = LlamaIndexChunker(parser=parser)

    @settings(max_examples=60, deadline=None)
    @given(REPEATING)
    def check(text: str) -> None:
        spans = chunker.split(Document("a", text))
        assert covers(spans, text)
        assert [span.start for span in spans] == sorted({span.start for span in spans})

    check()


class Lying(SentenceSplitter):
    """Says that its nodes are elsewhere."""

    _by: int = 0

    def _postprocess_parsed_nodes(self, nodes: list[BaseNode], parent_doc_map: Any) -> list[BaseNode]:
        found = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        return [node.model_copy(update={"start_char_idx": node.start_char_idx + self._by}) for node in found]


@pytest.mark.parametrize("by", [-3, 1, 7, 10_000])
def test_a_node_that_lies_about_its_place_is_put_where_its_text_is(by: int) -> None:
    document = Document("a", (CORPUS / "en/policies/warranty.md").read_text())
    made = {"chunk_size": 60, "chunk_overlap": 10}
    expected = LlamaIndexChunker(parser=SentenceSplitter(**made)).split(document)
    lying = Lying(**made)
    lying._by = by
    assert LlamaIndexChunker(parser=lying).split(document) == expected


def test_where_a_text_repeats_itself_what_a_node_says_counts() -> None:
    text = "Yes. No. Yes. No. Yes."
    told, untold = (
        spans_of([Told("Yes. No. Yes.", 0), Told("Yes.", at)], text, max_gap=20)[1] for at in (18, None)
    )
    # What lies between the two goes to the second one.
    assert (told, untold) == (Span(14, 22), Span(9, 22))
    with pytest.raises(DocumentError, match="does not stand"):
        spans_of([Told("Yes. Not.", 0)], text, max_gap=20)


def test_llamaindexs_own_positions_agree() -> None:
    for path in (CORPUS / "en/policies/warranty.md", *sorted((CORPUS / "ru").rglob("*.md"))[:2]):
        text = path.read_text()
        parser = SentenceSplitter(chunk_size=120, chunk_overlap=20)
        nodes = parser.get_nodes_from_documents([Theirs(text=text)])
        spans = LlamaIndexChunker(parser=parser).split(Document("a", text))
        assert [span.start for span in spans] == [node.start_char_idx for node in nodes]
        assert covers(spans, text)


def test_of_a_hierarchy_the_leaves_are_taken() -> None:
    text = (CORPUS / "en/policies/warranty.md").read_text()
    parser = HierarchicalNodeParser.from_defaults(chunk_sizes=[256, 64])
    leaves = [
        node
        for node in parser.get_nodes_from_documents([Theirs(text=text)])
        if NodeRelationship.CHILD not in node.relationships
    ]
    spans = LlamaIndexChunker(parser=parser).split(Document("a", text))
    assert len(spans) == len(leaves) > 3
    assert covers(spans, text)


def test_markdown_is_cut_at_its_headings() -> None:
    text = (CORPUS / "en/policies/warranty.md").read_text()
    spans = LlamaIndexChunker(parser=MarkdownNodeParser()).split(Document("a", text))
    assert len(spans) > 1
    assert covers(spans, text)
    assert all(text[span.start :].lstrip().startswith("#") for span in spans[1:])


def test_a_parser_that_rewrites_puts_its_document_into_quarantine(tmp_path: Path) -> None:
    offer("rewriting", JSONNodeParser())
    chunk = {"use": "chunk/llamaindex", "parser": "rewriting"}
    with ragkit.open(tmp_path, set={"ingest.chunk": chunk}) as rag:
        report = rag.ingest(Document("a", '{"years": 2, "of": "Wick 5"}'), progress=False)
        assert (report.committed, report.quarantined) == (0, 1)
        assert report.documents[0].stage == "chunk"


def test_another_setting_of_a_parser_is_another_fingerprint() -> None:
    prints = [LlamaIndexChunker(parser=SentenceSplitter(chunk_size=n)).fingerprint for n in (300, 300, 400)]
    assert prints[0] == prints[1] != prints[2]
