"""Measures of citations over cases made by hand."""

from __future__ import annotations

import pytest

from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.metrics.citation_spans import CitationSpans
from ragkit.evaluation.metrics.citation_support import CitationSupport
from ragkit.evaluation.metrics.citation_valid import CitationValid
from ragkit.evaluation.metrics.citations import AlceMetric
from ragkit.evaluation.metrics.metric import Metric
from ragkit.evaluation.metrics.resolve import resolve_metrics
from ragkit.evaluation.metrics.support import LexicalSupport
from ragkit.evaluation.outcome import Reply
from ragkit.types import Sentence, Span
from tests.unit.evaluation.metrics.making import (
    ABSTAINED,
    DELIVERY,
    WARRANTY,
    case,
    cite,
    context,
    place,
    ranking,
    says,
)  # fmt: skip

READ = (ranking(place("a"), place("b")), context(place("a"), place("b")))
RECALL, PRECISION = AlceMetric("recall"), AlceMetric("precision")


def of(metric: Metric, *sentences: Sentence) -> float | None:
    return metric.of(case(*READ, reply=Reply("", sentences=sentences)))


def test_a_passage_bears_a_sentence_out() -> None:
    sentence = Sentence("The warranty lasts two years.", citations=(cite("a"),))
    assert (of(RECALL, sentence), of(PRECISION, sentence)) == (1.0, 1.0)


def test_a_passage_that_adds_nothing_costs_precision() -> None:
    sentence = Sentence("The warranty lasts two years.", citations=(cite("a"), cite("b", Span(0, 28))))
    assert (of(RECALL, sentence), of(PRECISION, sentence)) == (1.0, 0.5)


def test_a_sentence_without_citations_costs_recall() -> None:
    cited = Sentence("The warranty lasts two years.", citations=(cite("a"),))
    assert (of(RECALL, cited, Sentence("So much for that.")), of(PRECISION, cited)) == (0.5, 1.0)


def test_two_quotes_of_one_passage_are_one_citation() -> None:
    quotes = (cite("a", WARRANTY), cite("a", DELIVERY))
    assert of(PRECISION, Sentence("The warranty lasts two years.", citations=quotes)) == 1.0


def test_a_passage_that_was_not_read_does_not_exist() -> None:
    sentence = Sentence("The warranty lasts two years.", citations=(cite("a"), cite("c", quote="x")))
    assert (of(RECALL, sentence), of(PRECISION, sentence)) == (0.0, 0.0)


def test_a_passage_is_what_compression_left_of_it() -> None:
    sentence = Sentence("The warranty lasts two years.", citations=(cite("a", DELIVERY),))
    reply = Reply("", sentences=(sentence,))
    assert RECALL.of(case(context(place("a", DELIVERY)), reply=reply)) == 0.0
    assert RECALL.of(case(context(place("a")), reply=reply)) == 1.0


def test_support_looks_at_the_quotes_alone() -> None:
    metric = CitationSupport()
    assert of(metric, Sentence("The warranty lasts two years.", citations=(cite("a", DELIVERY),))) == 0.0
    assert (
        of(metric, Sentence("The warranty lasts two years.", citations=(cite("a"),)), Sentence("Hm.")) == 1.0
    )
    assert of(metric, Sentence("Nothing is cited.")) is None


def test_the_judgement_can_be_exchanged() -> None:
    asked: list[tuple[str, str]] = []

    def never(premise: str, claim: str) -> bool:
        asked.append((premise, claim))
        return False

    (recall,) = resolve_metrics(["citation.recall"], supports=never)
    assert isinstance(recall, Metric)
    assert recall.of(case(*READ, reply=says("Free.", cite("b", Span(0, 28))))) == 0.0
    assert asked == [("Returns are free of charge. Send them to Riga.", "Free.")]


@pytest.mark.parametrize(
    ("span", "quote", "document", "expected"),
    [
        (WARRANTY, None, "a", 1.0),
        (WARRANTY, "The warranty lasts ten years.", "a", 0.0),
        (Span(0, 500), None, "a", 0.0),  # beyond the end: the slice is the text, the place is not
        (Span(5, 5), "", "a", 0.0),
        (Span(0, 3), "The", "gone", 0.0),
    ],
)
def test_a_citation_is_valid_where_its_quote_stands(
    span: Span, quote: str | None, document: str, expected: float
) -> None:
    assert of(CitationValid(), Sentence("x", citations=(cite(document, span, quote=quote),))) == expected


def test_spans_are_held_against_the_evidence() -> None:
    evidence = (Evidence("a", span=WARRANTY, hop=1), Evidence("b", span=Span(0, 28), hop=2))
    reply = Reply("", sentences=(Sentence("x", citations=(cite("a"), cite("a", DELIVERY))),))
    assert CitationSpans("precision").of(case(reply=reply, evidence=evidence)) == 0.5
    assert CitationSpans("recall").of(case(reply=reply, evidence=evidence)) == 0.5


@pytest.mark.parametrize(
    ("evidence", "agrees"),
    [
        (Span(19, 28), 1.0),  # "two years" in the quoted sentence
        (Span(0, 52), 1.0),  # the paragraph that the quoted sentence stands in
        (Span(20, 48), 0.0),  # 9 of 28 characters in common
        (Span(30, 52), 0.0),  # the next sentence
    ],
)
def test_half_of_the_shorter_is_agreement(evidence: Span, agrees: float) -> None:
    looked_at = case(reply=says("x", cite("a")), evidence=[Evidence("a", span=evidence)])
    assert CitationSpans("precision").of(looked_at) == agrees
    assert CitationSpans("recall").of(looked_at) == agrees


def test_an_answer_that_cites_nothing_has_found_nothing() -> None:
    looked_at = case(*READ, reply=says("Two years."), evidence=[Evidence("a", span=WARRANTY)])
    metrics = (RECALL, PRECISION, CitationSpans("recall"), CitationSpans("precision"))
    assert [metric.of(looked_at) for metric in metrics] == [0.0] * 4
    assert CitationValid().of(looked_at) is None


def test_an_abstention_has_nothing_to_be_borne_out() -> None:
    looked_at = case(*READ, reply=ABSTAINED, evidence=[Evidence("a", span=WARRANTY)])
    names = ["recall", "precision", "valid", "support", "span_recall", "span_precision"]
    for metric in resolve_metrics([f"citation.{name}" for name in names]):
        assert isinstance(metric, Metric)
        assert metric.of(looked_at) is None
        assert metric.of(case(*READ, evidence=[Evidence("a", span=WARRANTY)])) is None


@pytest.mark.parametrize(
    ("premise", "claim", "expected"),
    [
        ("Гарантия на сканеры действует два года.", "Гарантия действует два года.", True),
        ("Гарантия действует 2 года.", "Гарантия действует 3 года.", False),
        ("The port is 7420.", "Devices connect to port 7420 by default over a secure line.", False),
        ("anything", "", False),
    ],
)
def test_lexical_support_asks_for_numbers_and_most_words(premise: str, claim: str, expected: bool) -> None:
    assert LexicalSupport()(premise, claim) is expected
