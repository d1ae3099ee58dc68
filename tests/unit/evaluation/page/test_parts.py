"""The parts of the page by themselves: numbers, plots, ranks, passages, limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.evaluation.dataset import Evidence, Question
from ragkit.evaluation.outcome import Found, Outcome
from ragkit.evaluation.page.embedded import embedded, rounded
from ragkit.evaluation.page.gold import MAX_DOCUMENTS, needed
from ragkit.evaluation.page.html import clean, tag, verbatim
from ragkit.evaluation.page.kinds import KINDS, kind_of
from ragkit.evaluation.page.limits import Limits
from ragkit.evaluation.page.passages import Passages, Weight, shown_texts
from ragkit.evaluation.page.plots import Mark, Part, centred_scale, interval_plot, stacked_bar
from ragkit.evaluation.texts import HeldTexts
from ragkit.types import Span
from tests.unit.evaluation.page.reports import AT, GRAPH, QUOTE, TEXT, outcome, place, question, result


def test_attributes_are_escaped_and_named() -> None:
    element = tag("a", "x", title="\"'<>&", aria_label="y", class_="z", hidden=True, id=None)
    assert element.html == '<a title="&quot;&#x27;&lt;&gt;&amp;" aria-label="y" class="z" hidden>x</a>'


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no name"):
        tag("b onclick=x")


@pytest.mark.parametrize("content", ["a</script>", "a<!--b"])
def test_a_script_that_would_end_itself_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match="has '</' or '<!--' in it"):
        verbatim("script", content)


@settings(deadline=None)
@given(st.text(alphabet=st.characters()))
def test_cleaning_keeps_every_position(text: str) -> None:
    assert len(clean(text)) == len(text)
    clean(text).encode("utf-8")


def test_what_is_no_number_is_not_there() -> None:
    assert [rounded(value) for value in (float("nan"), float("inf"), None, 0.12345678, 3.0)] == [
        None,
        None,
        None,
        0.123457,
        3,
    ]
    with pytest.raises(ValueError, match="JSON"):
        embedded("x", float("nan"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dense", "retrieval"),
        ("dense+sparse", "retrieval"),
        ("fuse", "fusion"),
        ("corpus", "corpus"),
        ("answer", "generation"),
        ("what?", "other"),
    ],
)
def test_what_is_to_blame_has_a_kind(name: str, kind: str) -> None:
    assert kind_of(name, GRAPH) == kind
    assert kind in KINDS


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_marks_stay_within_the_plot(values: list[float]) -> None:
    marks = [Mark(value, low=value - abs(value) / 10, high=value, style="s0", words="") for value in values]
    svg = interval_plot(marks).html
    width = float(next(iter(re.findall(r'viewBox="0 0 (\d+)', svg))))
    places = [float(x) for x in re.findall(r' (?:cx|x1|x2)="([-\d.]+)"', svg)]
    assert all(0 <= x <= width for x in places)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_differences_stand_on_their_side_of_the_middle(values: list[float]) -> None:
    marks = [Mark(value, low=value, high=value, style="s0", words="") for value in values]
    svg = interval_plot(marks, scale=centred_scale(marks)).html
    places = [float(x) for x in re.findall(r' cx="([-\d.]+)"', svg)]
    for value, x in zip(values, places, strict=True):
        assert 0 <= x <= 240
        assert x == 120 or (x > 120) == (value > 0)


def test_a_plot_of_equal_values_has_a_scale() -> None:
    for value in (0.0, 1.0):
        assert "<circle" in interval_plot([Mark(value, low=None, high=None, style="s0", words="")]).html


def test_a_bar_is_as_long_as_its_parts() -> None:
    bar = stacked_bar([Part(1, style="a", words="1"), Part(2, style="b", words="2")], whole=4, label="l").html
    assert re.findall(r'class="[ab]" x="([\d.]+)" y="0" width="([\d.]+)"', bar) == [
        ("0.0", "250.0"),
        ("250.0", "500.0"),
    ]


def test_a_hop_is_found_where_any_of_its_places_is() -> None:
    asked = Question(
        "q",
        "?",
        evidence=(
            Evidence("a.md", span=Span(10, 20), hop=1),
            Evidence("b.md", span=Span(0, 5), hop=1),
            Evidence("c.md", span=Span(0, 5), hop=2),
        ),
    )
    first, second = needed(asked, {"z.md": 1})
    places = (place("a.md", 20, 30), place("b.md", 3, 9), place("a.md", 0, 11), place("b.md", 0, 4))
    assert (first.label, first.rank(places)) == ("hop 1", 4)
    assert second.rank(places) is None


def test_without_evidence_each_relevant_document_is_needed() -> None:
    judged = {"no.md": 0} | {f"{n}.md": 1 for n in range(20)}
    wanted = needed(Question("q", "?"), judged)
    assert len(wanted) == MAX_DOCUMENTS
    assert wanted[0].rank((place("no.md", 0, 1), place("0.md", 0, 1))) == 2


def test_a_chunk_is_shown_whole_though_compression_left_a_part() -> None:
    passages = Passages(HeldTexts({"a.md": TEXT}))
    whole, part = place("a.md", 0, 90), place("a.md", AT.start, AT.end)
    part = type(part)(whole.chunk_id, "a.md", spans=part.spans)
    passages.see([Outcome("q", found=(Found("x", "y/z", kind="ranking", places=(whole, part)),))], hits=20)
    assert passages.of_place(whole, Weight.HIT) == passages.of_place(part, Weight.READ)
    assert shown_texts({"d": passages}, Limits())["d"][0].text == TEXT[:90]


def test_a_quote_is_shown_with_whole_words_around_it() -> None:
    text = "word " * 100 + QUOTE + " word" * 100
    passages = Passages(HeldTexts({"a.md": text}))
    passages.around("a.md", Span(500, 500 + len(QUOTE)), Weight.CITED)
    shown = shown_texts({"d": passages}, Limits())["d"][0].text
    assert shown is not None
    assert QUOTE in shown
    assert set(shown.replace(QUOTE, "").split()) == {"word"}


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.text(max_size=120))
def test_a_place_beyond_the_document_does_no_harm(start: int, length: int, text: str) -> None:
    passages = Passages(HeldTexts({"a.md": text}))
    passages.around("a.md", Span(start, start + length), Weight.CITED)
    (shown,) = shown_texts({"d": passages}, Limits())["d"]
    assert shown.span.start <= start
    assert shown.text == text[shown.span.start : shown.span.end]


def test_evidence_is_shown_in_whole_before_what_stood_low() -> None:
    passages = Passages(HeldTexts({"a.md": "x" * 100, "b.md": "y" * 100}))
    low = passages.around("a.md", Span(0, 100), Weight.HIT + 19)
    high = passages.around("b.md", Span(0, 100), Weight.EVIDENCE)
    shown = shown_texts({"d": passages}, Limits(text_bytes=150, beginning=10))["d"]
    assert (shown[low].is_cut, shown[high].is_cut) == (True, False)


def test_fewer_hits_are_shown_where_there_are_many_questions() -> None:
    places = tuple(place("b.md", n, n + 9) for n in range(20))
    found = (Found("fuse", "fuse/rrf", kind="ranking", places=places),)
    outcomes = [Outcome(f"q{n}", found=found) for n in range(10)]
    one = result("one", outcomes, {"q1": 1.0})
    assert [Limits(all_hits=n).hits_shown([one]) for n in (200, 199, 60, 10, 1)] == [20, 10, 5, 1, 1]


def test_the_reports_of_these_tests_cite_what_they_say() -> None:
    reply = outcome("q").reply
    assert reply is not None
    (cited,) = reply.sentences[0].citations
    assert TEXT[cited.start : cited.end] == cited.quote == QUOTE
    assert question("q").evidence[0].span == AT
