"""Evidence: places as a file states them, and where they are found in the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.question import Evidence
from ragkit.evaluation.rows import id_of, shortened
from ragkit.evaluation.texts import CorpusTexts
from ragkit.types import Span

_FORMS = '{"document", "quote"} or {"document", "start", "end"}, with a "hop" where several are needed'


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """Evidence as a file states it: by the words that stand there, by a range of characters, or by both.

    Args:
        document_id: the document.
        quote: words that stand in its text exactly once.
        span: in characters of its canonical text.
        hop: see `Evidence`.
        where: `file:line`, for messages.

    >>> place = StatedPlace("a.md", quote="two years", where="questions.jsonl:1")
    >>> place.found({"a.md": "It lasts two years."}.get).span
    Span(start=9, end=18)
    """

    document_id: str
    quote: str | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, kw_only=True)
    hop: int = field(default=1, kw_only=True)
    where: str = field(default="", kw_only=True)

    def found(self, text_of: Callable[[str], str | None]) -> Evidence:
        """The evidence, looked up in the document's text where it is stated by a quote.

        Raises:
            EvalError: there is no such document, the quote is not in it or more than once, or other words
                stand at the range.
        """
        span = self.span
        if self.quote is not None:
            text = text_of(self.document_id)
            if text is None:
                raise EvalError(f"{self.where}: evidence in {self.document_id!r}, which is not in the corpus")
            if span is None:
                span = quote_span(self.quote, text, f"{self.where}: {self.document_id}")
            elif span.of(text) != self.quote:
                raise EvalError(
                    f"{self.where}: {self.document_id}: at {span.start}–{span.end} stands "
                    f"{shortened(span.of(text))}, not {shortened(self.quote)}. Leave out start and end, and "
                    "the quote is looked up"
                )
        if span is None:
            raise EvalError(f"{self.where}: evidence: expected {_FORMS}")
        return Evidence(self.document_id, span=span, hop=self.hop)


def stated_places(value: object, where: str) -> tuple[StatedPlace, ...]:
    """The places of a row's `evidence`.

    Raises:
        EvalError: it is no list of places.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EvalError(f"{where}: evidence: expected a list of {_FORMS}, got {shortened(value)}")
    return tuple(stated_place(item, where) for item in value)


def stated_place(item: object, where: str) -> StatedPlace:
    """One place.

    Raises:
        EvalError: it is none.
    """
    if not isinstance(item, Mapping):
        raise EvalError(f"{where}: evidence: expected {_FORMS}, got {shortened(item)}")
    hop = item.get("hop", 1)
    if type(hop) is not int or hop < 1:
        raise EvalError(f"{where}: evidence: hop: expected a whole number from 1 on, got {shortened(hop)}")
    quote = item.get("quote")
    if quote is not None and (not isinstance(quote, str) or not quote.strip()):
        raise EvalError(
            f"{where}: evidence: quote: expected a text that is not blank, got {shortened(quote)}"
        )
    span = _stated_span(item, where)
    if quote is None and span is None:
        raise EvalError(f"{where}: evidence: expected {_FORMS}, got {shortened(dict(item))}")
    document = id_of(item.get("document"), where, "evidence: document")
    return StatedPlace(document, quote=quote, span=span, hop=hop, where=where)


def quote_span(quote: str, text: str, where: str) -> Span:
    """Where `quote` stands in `text`, exactly once.

    Raises:
        EvalError: it does not stand there, or more than once.
    """
    first = text.find(quote)
    if first < 0:
        raise EvalError(f"{where}: holds no {shortened(quote)}.{_nearly(quote, text)}")
    second = text.find(quote, first + 1)
    if second >= 0:
        raise EvalError(
            f"{where}: {shortened(quote)} stands there more than once, at {first} and at {second}. Quote "
            "more of it, or give start and end"
        )
    return Span(first, first + len(quote))


def misplaced(evidence: Iterable[Evidence], texts: CorpusTexts) -> list[str]:
    """What is wrong with places in a corpus: no such document, outside its text, or blank."""
    problems = []
    for place in evidence:
        text = texts.document(place.document_id)
        at = f"evidence in {place.document_id!r} at {place.span.start}–{place.span.end}"
        if text is None:
            problems.append(f"evidence in {place.document_id!r}, which is not in the corpus")
        elif place.span.end > len(text):
            problems.append(f"{at}: its text ends at {len(text)}")
        elif not place.span.of(text).strip():
            problems.append(f"{at}: nothing stands there")
    return problems


def _stated_span(item: Mapping[str, Any], where: str) -> Span | None:
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return None
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise EvalError(
            f"{where}: evidence: start and end: expected characters of the document's text with "
            f"0 <= start < end, got {shortened(start)} and {shortened(end)}"
        )
    return Span(start, end)


def _nearly(quote: str, text: str) -> str:
    """Why a quote is not found that a reader would find."""
    if " ".join(quote.split()) in " ".join(text.split()):
        return " It does but for its blanks and line ends: quote one line of it"
    if quote.lower() in text.lower():
        return " It does but for upper and lower case"
    return " Quote the text as `ragkit source` shows it, without markup"
