"""A document put together from its passages: every passage is the text at its span, whatever comes in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.ingest.imports.assemble import OffsetError, assembled, overlap
from ragkit.ingest.imports.check import Taken


def passages(*texts: str, starts: list[int | None] | None = None, **fields: list[object]) -> list[Taken]:
    return [
        Taken(
            n,
            id=f"p{n}",
            text=text,
            metadata={},
            start=None if starts is None else starts[n],
            **{name: values[n] for name, values in fields.items()},  # type: ignore[arg-type]
        )
        for n, text in enumerate(texts)
    ]


def test_offsets_put_passages_where_they_were() -> None:
    made = assembled(passages("Гарантия два года.", "года. Ремонт", "бесплатный", starts=[0, 13, 27]), {})
    assert made.text == "Гарантия два года. Ремонт\n\nбесплатный"
    assert [span.start for span in made.spans] == [0, 13, 27]
    assert made.has_offsets


def test_passages_out_of_order_are_put_in_order() -> None:
    made = assembled(passages("two", "one", starts=[4, 0]), {})
    assert (made.text, [one.id for one in made.passages]) == ("one two", ["p1", "p0"])


def test_one_within_another_stays_there() -> None:
    made = assembled(passages("a whole section", "whole", "section ends", starts=[0, 2, 8]), {})
    assert made.text == "a whole section ends"


def test_texts_that_contradict_their_offsets_are_refused() -> None:
    with pytest.raises(OffsetError, match="passage p1 is not the text that another one has at 4"):
        assembled(passages("one two", "three", starts=[0, 4]), {})


def test_an_offset_beyond_all_reason_costs_no_memory() -> None:
    with pytest.raises(
        OffsetError, match="passage p1 begins at 1,000,000,000,000, and those before it end at 3"
    ):
        assembled(passages("one", "two", starts=[0, 10**12]), {})


def test_what_the_library_kept_of_the_document_fills_the_gaps() -> None:
    made = assembled(passages("One.", "Three.", starts=[0, 10]), {"": "One. Two. Three."})
    assert made.text == "One. Two. Three."
    with pytest.raises(OffsetError, match="passage p0 is not the text of its document at 1"):
        assembled(passages("One.", starts=[1]), {"": "One. Two."})


def test_without_offsets_what_is_repeated_stands_once() -> None:
    first, second = "The warranty is two years long.", "is two years long. Returns take a week."
    made = assembled(passages(first, second, "Next."), {})
    assert made.text == "The warranty is two years long. Returns take a week.\n\nNext."
    assert not made.has_offsets


def test_the_same_passage_twice_is_there_twice() -> None:
    made = assembled(passages("The same sentence, again.", "The same sentence, again."), {})
    assert made.text.count("again") == 2


def test_offsets_can_be_left_out_of_account() -> None:
    made = assembled(passages("one two", "three", starts=[0, 4]), {}, ignore_offsets=True)
    assert made.text == "one two\n\nthree"


def test_offsets_count_in_their_part() -> None:
    made = assembled(passages("Page one.", "Page three.", starts=[0, 0], part=["1", "3"], page=[1, 3]), {})
    assert made.text == "Page one.\n\nPage three."
    assert [(page.start, page.end) for page in made.pages] == [(0, 9), (11, 11), (11, 22)]


def test_pages_that_go_back_are_no_pages() -> None:
    assert not assembled(passages("b", "a", part=["2", "1"], page=[2, 1]), {}).pages


@settings(max_examples=200, deadline=None)
@given(st.text("ab é\n", min_size=1, max_size=60), st.data())
def test_any_cut_of_a_text_gives_it_back(text: str, data: st.DataObject) -> None:
    places = st.integers(0, len(text) - 1)
    starts = [0, *data.draw(st.lists(places, max_size=6))]
    cut = [text[start : start + data.draw(st.integers(1, 20))] for start in starts]
    made = assembled(passages(*cut, starts=list(starts)), {})
    for one, span in zip(made.passages, made.spans, strict=True):
        assert span.of(made.text) == one.text
        assert span.start == one.start


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab ", min_size=1, max_size=40), min_size=1, max_size=5))
def test_any_texts_are_at_their_spans(texts: list[str]) -> None:
    made = assembled(passages(*texts), {})
    assert [span.of(made.text) for span in made.spans] == texts


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_an_overlap_is_the_end_of_one_and_the_beginning_of_the_other(before: str, text: str) -> None:
    n = overlap(before, text)
    assert n == 0 or (n >= 16 and before.endswith(text[:n]) and n < len(text))
