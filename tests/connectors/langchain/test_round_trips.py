"""What goes from LangChain into ragkit and back is the same: metadata, ids, texts, places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragkit import Document, Span
from ragkit.errors import DocumentError
from ragkit.types import Chunk, Hit
from ragkit_connectors.bridge.aligned import spans_of
from ragkit_connectors.bridge.metadata import parted, to_ours, to_theirs
from ragkit_connectors.bridge.told import PLACE, hit_values
from ragkit_connectors.langchain import LangChainChunker, LangChainLoader
from tests.connectors.adapters import some_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
METADATA = st.dictionaries(TEXTS | st.sampled_from(sorted({*PLACE, "own"})), VALUES, max_size=6)


@settings(deadline=None)
@given(METADATA)
def test_metadata_comes_back_as_it_was(metadata: dict[str, Any]) -> None:
    chunk = Chunk(
        "0" * 32, "a", span=Span(3, 6), text="One", ordinal=0, metadata=to_ours(metadata), lang="en"
    )
    told = hit_values(Hit(chunk, 0.5, scores={"bm25": 0.5}))
    assert to_theirs(to_ours(metadata)) == metadata
    assert parted(told, PLACE) == metadata
    assert (told["document_id"], told["start"], told["end"], told["score"]) == ("a", 3, 6, 0.5)


def test_through_an_index_and_back(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core", reason="needs the extra langchain")
    from langchain_core.documents import Document as Theirs

    import ragkit
    from ragkit_connectors.langchain import RagkitRetriever

    found = some_of(METADATA)
    given_ = [Theirs(f"Row {i} says row{i}x.", id=f"id-{i}", metadata=m) for i, m in enumerate(found)]
    with ragkit.open(tmp_path) as rag:
        report = rag.ingest(LangChainLoader(loader=given_, source_key="nowhere"), progress=False)
        assert report.committed == len(given_), report.documents
        retriever = RagkitRetriever(rag=rag, k=1, retriever="bm25")
        for i, document in enumerate(given_):
            (back,) = retriever.invoke(f"row{i}x")
            assert back.page_content == document.page_content
            assert back.metadata["document_id"] == document.id
            # Keys that cannot be stored by every store are refused above, not lost here.
            assert parted(back.metadata, PLACE) == document.metadata


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "x", "ж", "naïve", "🙂", "—"]), min_size=1, max_size=40)
BLANKS = st.sampled_from([" ", "\n", "\n\n", "\t ", "\u00a0"])


@st.composite
def cut(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text that repeats itself, and pieces of it that overlap and are trimmed, as splitters give them."""
    words = draw(WORDS)
    blanks = draw(st.lists(BLANKS, min_size=len(words), max_size=len(words)))
    size = draw(st.integers(1, 8))
    overlap = draw(st.integers(0, size - 1))
    step = size - overlap
    pieces = []
    for start in range(0, len(words), step):
        part = list(zip(words, blanks, strict=True))[start : start + size]
        pieces.append("".join(w + b for w, b in part).strip())
        if start + size >= len(words):
            break
    return "".join(w + b for w, b in zip(words, blanks, strict=True)), pieces


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None)
@example(
    ("a a a a ", ["a a", "a a", "a a"])
)  # the third fits where the second does, and must not take its place
@given(cut())
def test_spans_are_found_again_from_the_pieces(made: tuple[str, list[str]]) -> None:
    text, pieces = made
    spans = spans_of(pieces, text, max_gap=0)
    assert [squeezed(span.of(text)) for span in spans] == [squeezed(piece) for piece in pieces]
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert all(i in covered or text[i].isspace() for i in range(len(text)))
    assert [span.start for span in spans] == sorted({span.start for span in spans})


@settings(deadline=None)
@given(cut(), st.randoms(use_true_random=False))
def test_a_piece_that_was_changed_is_refused(made: tuple[str, list[str]], random: Any) -> None:
    text, pieces = made
    pieces[random.randrange(len(pieces))] += "§"
    with pytest.raises(DocumentError, match="does not stand in the document"):
        spans_of(pieces, text, max_gap=10_000)


def test_what_is_left_out_is_refused_or_goes_to_the_piece_after_it() -> None:
    text = "# One\nFirst.\n---\nSecond.\n== end =="
    pieces = ["First.", "Second."]
    assert [span.of(text) for span in spans_of(pieces, text, max_gap=10)] == [
        "# One\nFirst.",
        "---\nSecond.\n== end ==",
    ]
    with pytest.raises(DocumentError, match="does not follow on the one before it"):
        spans_of(pieces, text, max_gap=2)
    with pytest.raises(DocumentError, match="leaves out 27 visible characters"):
        spans_of([], text, max_gap=2)
    with pytest.raises(DocumentError):
        spans_of(["First.", "Second."], text + "x" * 50, max_gap=10)
    assert spans_of([" ", ""], " \n", max_gap=0) == []


def test_a_text_that_repeats_itself_ends_in_time() -> None:
    with pytest.raises(DocumentError):
        spans_of(["aaa"] * 300, "a" * 5_000, max_gap=1)


HEADED = "# Guide\n\nIntro text.\n\n## Install\n\nRun the file. Then wait.\n\n* one\n* two\n"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RecursiveCharacterTextSplitter", {"chunk_size": 24, "chunk_overlap": 8}),
        ("CharacterTextSplitter", {"separator": ".", "chunk_size": 20, "chunk_overlap": 0}),
        ("MarkdownTextSplitter", {"chunk_size": 30, "chunk_overlap": 0}),
        ("MarkdownHeaderTextSplitter", {"headers_to_split_on": [("#", "h1"), ("##", "h2")]}),
        ("PythonCodeTextSplitter", {"chunk_size": 30, "chunk_overlap": 5}),
    ],
)
def test_langchains_splitters(name: str, options: dict[str, Any]) -> None:
    module = pytest.importorskip("langchain_text_splitters")
    splitter = getattr(module, name)(**options)
    document = Document("a", HEADED)
    spans = LangChainChunker(splitter=splitter).split(document)
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert all(i in covered or c.isspace() for i, c in enumerate(HEADED))
    assert len(spans) > 1


def test_langchains_own_positions_agree() -> None:
    module = pytest.importorskip("langchain_text_splitters")
    text = (Path(__file__).parents[3] / "examples/corpus/en/policies/warranty.md").read_text()
    splitter = module.RecursiveCharacterTextSplitter(chunk_size=200, chunk_overlap=40, add_start_index=True)
    theirs = [d.metadata["start_index"] for d in splitter.create_documents([text])]
    spans = LangChainChunker(splitter=splitter).split(Document("a", text))
    assert [span.start for span in spans] == theirs


def test_a_splitter_that_rewrites_puts_its_document_into_quarantine(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core", reason="needs the extra langchain")
    import ragkit
    from ragkit_connectors.langchain import offer

    class Shouting:
        chunk_size = 10

        def split_text(self, text: str) -> list[str]:
            return [text.upper() if "loud" in text else text]

    offer("shouting", Shouting())
    chunk = {"use": "chunk/langchain", "splitter": "shouting"}
    with ragkit.open(tmp_path, set={"ingest.chunk": chunk}) as rag:
        report = rag.ingest([Document("a", "loud words"), Document("b", "still words")], progress=False)
        assert (report.committed, report.quarantined) == (1, 1)
        assert (report.documents[0].uri, report.documents[0].stage) == ("a", "chunk")
        assert "rewrites text" in (report.documents[0].reason or "")
        assert [hit.chunk.document_id for hit in rag.retrieve("words").hits] == ["b"]


def test_another_setting_of_a_splitter_is_another_fingerprint() -> None:
    class Cutting:
        def __init__(self, size: int) -> None:
            self.chunk_size, self.length = size, len

        def split_text(self, text: str) -> list[str]:
            return [text]

    prints = [LangChainChunker(splitter=Cutting(size)).fingerprint for size in (10, 10, 20)]
    assert prints[0] == prints[1] != prints[2]
