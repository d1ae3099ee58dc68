"""Whatever a document holds and however it is cut: exact spans that cover it, and the same after any edit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ragkit import registry
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.pipeline import Ingestor
from ragkit.protocols import Chunker, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, Document, Section, Span
from tests.hostile import TEXTS
from tests.scale import scaled

SEED = 20
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
CASES = settings(
    max_examples=scaled(10_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
CHUNKERS = sorted(n for n, c in registry.BUILT_IN.items() if c.role == "chunk" and c.extra is None)

_SCRIPTS = st.text(
    st.sampled_from(
        "abcXYZ 019.,;:!?-_()[]{}абвгдЖЩёй 。、漢字かなカナ한국مرحباहिन्दीé\u0301\u0300😀👩🏽\u200d🚀\ufe0f"
    ),
    max_size=200,
)
_PROSE = st.sampled_from(
    (
        "Лампа горит много часов без перерыва. ",
        "The lamp burns for hours, e.g. all night. ",
        "灯は何時間も燃えます。",
        "Dr. Smith paid 3.50 USD! ",
        "Really?! Да. ",
    )
)
_PIECES = st.one_of(
    _SCRIPTS,
    st.text(max_size=40),
    st.sampled_from(TEXTS),
    st.builds(lambda text, n: text * n, _PROSE, st.integers(1, 30)),
    st.builds(lambda n: "def f(x):\n" + "    return {x: [1, 2]};\n" * n, st.integers(1, 20)),
    st.builds(
        lambda char, n: char * n,
        st.sampled_from(["x", "é", "漢", "e\u0301", "=", "a1", "\u0301"]),
        st.integers(1, 900),
    ),
    st.text(st.sampled_from(" \t\n\r\x0b\x0c\x85\xa0\u2028\u3000\x00\x1b"), max_size=12),
    st.builds(lambda rows: "\n".join(f"| {row} | value |" for row in rows), st.lists(_PROSE, max_size=8)),
)
_JOINTS = st.sampled_from(["", " ", "\n", "\n\n", "\r\n\r\n"])
TEXT = st.lists(st.tuples(_PIECES, _JOINTS), max_size=10).map(lambda parts: "".join(a + b for a, b in parts))


@st.composite
def documents(draw: st.DrawFn, document_id: str = "d") -> Document:
    """A document of any text with sections (some whose title stands at their start), blocks and pages."""
    text = draw(TEXT)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pages = tuple(Span(a, b) for a, b in pairwise([0, *cuts, len(text)])) if draw(st.booleans()) else ()
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12, unique=True)))
    blocks = tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    sections = []
    for start in sorted(draw(st.lists(st.integers(0, len(text)), max_size=5))):
        line = text[start:].split("\n", 1)[0][:40]
        title = draw(st.sampled_from([line, line, "Elsewhere", ""]))
        end = draw(st.integers(start, len(text)))
        sections.append(Section(title, span=Span(start, end), level=draw(st.integers(1, 5))))
    metadata = draw(st.sampled_from([{}, {"title": "Guide"}, {"lang": "ru"}, {"title": "  "}]))
    return Document(
        document_id,
        text,
        metadata=metadata,
        uri=f"{document_id}.md",
        pages=pages,
        blocks=blocks,
        sections=tuple(sections),
    )


@st.composite
def chunkers(draw: st.DrawFn) -> Chunker:
    size = draw(st.integers(8, 120) | st.sampled_from([350, 5000]))
    overlap = draw(st.integers(0, size // 2))
    made: Chunker = registry.load(draw(st.sampled_from(CHUNKERS)))(size=size, overlap=overlap)
    return made


@seed(SEED)
@CASES
@given(documents(), chunkers())
def test_chunks_are_exact_in_order_within_limits_and_cover_all(document: Document, chunker: Chunker) -> None:
    text, spans = document.text, chunker.split(document)
    chunks = make_chunks(document, spans, "acme", chunker.fingerprint)
    assert [c.span for c in chunks] == spans
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    assert len({c.id for c in chunks}) == len(chunks)
    covered = np.zeros(len(text), dtype=bool)
    for chunk in chunks:
        assert document.text[chunk.span.start : chunk.span.end] == chunk.text != ""
        assert chunk.text.strip() == chunk.text
        covered[chunk.span.start : chunk.span.end] = True
    assert all(seen or char.isspace() for seen, char in zip(covered, text, strict=True))
    for before, after in pairwise(spans):
        assert before.start < after.start
        assert before.end < after.end
    if isinstance(chunker, RecursiveChunker):
        assert all(_fits(c.text, chunker.config.size) for c in chunks)
    assert chunker.split(document) == spans


def _fits(text: str, size: int) -> bool:
    """Whether a chunk is short enough; a letter with its accents is not divided, whatever its tokens."""
    return (count_tokens(text) <= size and len(text) // 20 <= size) or len(text) <= 33


@seed(SEED)
@CASES
@given(documents(), chunkers())
def test_pages_and_headings_are_those_of_the_place(document: Document, chunker: Chunker) -> None:
    for chunk in make_chunks(document, chunker.split(document), "", "v1"):
        if document.pages:
            assert chunk.page is not None
            page = document.pages[chunk.page - 1]
            assert page.start <= chunk.span.start < max(page.end, page.start + 1)
        else:
            assert chunk.page is None
        around = [
            s.title
            for s in sorted(document.sections, key=lambda s: (s.span.start, -s.span.end))
            if s.span.start <= chunk.span.start and chunk.span.end <= s.span.end
        ]
        title = document.metadata.get("title")
        given_above = [" ".join(title.split())] if isinstance(title, str) and title.strip() else []
        assert list(chunk.headings) in (around, [*given_above, *around])


# --- edits ----------------------------------------------------------------------------------------------


class Letters:
    """A cheap embedder that reads few tokens, so that chunks are many."""

    name, fingerprint, dimension, max_tokens = "letters", "letters-1", 4, 80
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        rows = np.array([[1, len(t) % 7, t.count("e"), ord(t[0]) % 5] for t in texts], dtype=np.float64)
        vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return vectors


class Words:
    fingerprint = "words"

    def terms(self, text: str) -> list[str]:
        return text.split()


@contextmanager
def collection() -> Iterator[StoreCollection]:
    model = Letters()
    spec = StoreSpec(model.name, embedder_fingerprint=model.fingerprint, dimension=model.dimension)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        opened = StoreCollection(LocalStore(path=folder).open(spec), embedder=model, analyzer=Words())
        yield opened
        opened.close()


def held(opened: StoreCollection) -> dict[str, Chunk]:
    """All chunks that stand, by id."""
    plan = opened.plan("?")
    found = opened.dense(["?"], 10_000, plan)[0].id_list()
    return {chunk.id: chunk for chunk in opened.fetch(found, plan) if chunk is not None}


def edited(document: Document, draw: st.DrawFn | Any) -> Document:
    """The document with a stretch of its text replaced; its structure is that of another text now."""
    text = document.text
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 200)))
    put_in = draw(_PIECES)
    return Document(
        document.id, text[:start] + put_in + text[end:], uri=document.uri, metadata=document.metadata
    )


@seed(SEED)
@settings(CASES, max_examples=scaled(1_000))
@given(data=st.data())
def test_an_edited_document_gives_what_its_new_text_gives_from_scratch(data: st.DataObject) -> None:
    chunker = data.draw(chunkers(), label="chunker")
    originals = [data.draw(documents(f"d{i}"), label=f"d{i}") for i in range(3)]
    with collection() as old, collection() as fresh:
        Ingestor(old, chunker).run(originals)
        before = held(old)
        now = list(originals)
        for _ in range(data.draw(st.integers(1, 3), label="edits")):
            at = data.draw(st.integers(0, 1), label="which")
            now[at] = edited(now[at], lambda s: data.draw(s, label="edit"))
            report = Ingestor(old, chunker).run(now)
            assert report.seen == report.committed + report.unchanged + report.quarantined + report.rejected
        # A document that has become blank is quarantined, and what was last committed of it stays.
        blank = [document.id for document in now if not document.text.strip()]
        Ingestor(fresh, chunker).run(now)
        after = {i: c for i, c in held(old).items() if c.document_id not in blank}
        assert after == held(fresh)
        kept = {i for i, c in before.items() if c.document_id == "d2"}
        assert {i for i, c in after.items() if c.document_id == "d2"} == kept
        for document in now:
            for chunk in after.values():
                if chunk.document_id == document.id:
                    assert document.text[chunk.span.start : chunk.span.end] == chunk.text
        again = Ingestor(old, chunker).run(now)
        assert (again.committed, again.embedded_chunks) == (0, 0)
