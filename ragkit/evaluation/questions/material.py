"""The documents that questions are made of: their running text, and BM25 to see what else answers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ragkit.evaluation.questions.draft import Sentence
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.postings import Postings
from ragkit.store.bm25.search import Bm25Ranker
from ragkit.text.analyze import Analyzer
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.text.sentences import sentence_spans
from ragkit.types import Chunk, Document, Span

_ITEM = re.compile(r"[-*•–—] |\(?\d{1,3}[.)] |[a-zа-я][.)] ")
_INSIDE = re.compile(r"(?<=[^\W\d_] )[^\W\d_][\w-]*|(?<=, )[^\W\d_][\w-]*")
_PROSE = 0.75  # share of letters and blanks


@dataclass(frozen=True, slots=True)
class Rival:
    """A passage of another document that a question finds.

    Args:
        chunk: the passage.
        share: its BM25 score by that of the best passage of the question's own document.
        coverage: the share of the question's words, by their idf, that it holds.
    """

    chunk: Chunk
    share: float = field(kw_only=True)
    coverage: float = field(kw_only=True)


class Material:
    """Documents, read once.

    Args:
        documents: parsed; their ids are unique.
        step: told of each document that was read.

    Example:
        material = Material(list(FolderCorpus(Path("docs")).documents()))
        [sentence.text for sentence in material.sentences(material.documents[0])]
    """

    def __init__(self, documents: Sequence[Document], step: Callable[[], None] = lambda: None) -> None:
        self.documents = tuple(documents)
        self._by_id = {document.id: document for document in documents}
        self._analyzer = Analyzer()
        chunker = RecursiveChunker()
        self.chunks: dict[str, tuple[Chunk, ...]] = {}
        for document in documents:
            chunks = make_chunks(document, chunker.split(document), "", "questions")
            self.chunks[document.id] = tuple(chunks)
            step()
        self._rows = [chunk for chunks in self.chunks.values() for chunk in chunks]
        self._row_terms = [self.terms(chunk.search_text) for chunk in self._rows]
        self._term_sets = [frozenset(terms) for terms in self._row_terms]
        self._ranker = Bm25Ranker(Bm25(), [Postings.of(self._row_terms, first_row=0)], None)

    def document(self, document_id: str) -> Document:
        """The document of an id."""
        return self._by_id[document_id]

    def lang(self, document: Document) -> str:
        """The language that a document says it is in, or seems to be."""
        stated = document.metadata.get("lang")
        return stated if isinstance(stated, str) and stated else detect_language(document.text)

    def terms(self, text: str) -> list[str]:
        """The words of a text as BM25 indexes them."""
        return self._analyzer.terms(text)

    def content(self, text: str) -> frozenset[str]:
        """The words of a text that stand in some passage; stop words do not."""
        return frozenset(term for term in self.terms(text) if self._counts[term])

    def weights(self, terms: Sequence[str]) -> Mapping[str, float]:
        """The idf of terms among the passages."""
        return {term: Bm25().idf(len(self._rows), self._counts[term]) for term in terms}

    def sentences(self, document: Document) -> Iterator[Sentence]:
        """The sentences of a document's running text; no headings, list items, table rows, code."""
        titles = {" ".join(section.title.split()) for section in document.sections}
        lang = self.lang(document)
        for span in sentence_spans(document.text, None if lang == UNDETERMINED else lang):
            raw = span.of(document.text)
            text = " ".join(raw.split())
            if _ITEM.match(text) or "|" in text or text in titles or not is_prose(raw):
                continue
            if not self._is_whole(document, span):
                continue
            yield Sentence(document.id, text, span=span, lang=lang, headings=self.headings(document, span))

    def headings(self, document: Document, span: Span) -> tuple[str, ...]:
        """The titles of the sections that hold a place, outermost first."""
        holding = [s for s in document.sections if s.span.start <= span.start and span.end <= s.span.end]
        return tuple(s.title for s in sorted(holding, key=lambda s: s.level))

    @cached_property
    def names(self) -> frozenset[str]:
        """Words that stand within sentences with a capital more often than without."""
        counts: Counter[str] = Counter()
        for document in self.documents:
            counts.update(_INSIDE.findall(document.text))
        return frozenset(
            word for word, n in counts.items() if word[0].isupper() and n >= counts[word.lower()]
        )

    def rivals(self, question: str, document_id: str) -> tuple[int, tuple[Rival, ...]]:
        """Where BM25 finds a document, from 1 on (0: nowhere), and the best passages of others."""
        terms = self.terms(question)
        weights = self.weights(sorted(self.content(question)))
        total = sum(weights.values())
        found = self._ranker.search(terms, 50, None)
        order = np.lexsort((found.rows, -found.scores))
        best: dict[str, float] = {}
        others: list[tuple[int, float]] = []
        for i in order.tolist():
            row, score = int(found.rows[i]), float(found.scores[i])
            best.setdefault(self._rows[row].document_id, score)
            if self._rows[row].document_id != document_id and len(others) < 20:
                others.append((row, score))
        own = best.get(document_id, 0.0)
        rank = list(best).index(document_id) + 1 if own else 0
        return rank, tuple(
            Rival(
                self._rows[row],
                share=score / own if own else math.inf,
                coverage=sum(w for t, w in weights.items() if t in self._term_sets[row]) / total,
            )
            for row, score in others
        )

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(term for terms in self._term_sets for term in terms)

    def _is_whole(self, document: Document, span: Span) -> bool:
        """Whether a sentence ends as one, and is no label before a list or code."""
        return span.of(document.text)[-1:] in ".!?…»”"


def is_prose(text: str) -> bool:
    """Whether a text is mostly of letters and blanks, as code and tables are not."""
    return sum(c.isalpha() or c.isspace() for c in text) >= _PROSE * len(text)
