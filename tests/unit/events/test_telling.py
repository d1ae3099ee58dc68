"""Whatever was told on the way, the events fold to the answer."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.events import (
    Begun,
    Done,
    Event,
    Part,
    Retracted,
    Shown,
    SoFar,
    Spent,
    Telling,
    Token,
    fold,
)
from ragkit.types import Answer, QueryPlan, Sentence, Usage

PLAN = QueryPlan.of("?")
GAPS = (" ", "\n", "\n\n")
SENTENCES = st.lists(
    st.tuples(st.sampled_from(["A is.", "B is.", "- C", "Да."]), st.sampled_from(GAPS)), max_size=5
)


def answer(*said: str, gap: str = " ", **more: object) -> Answer:
    return Answer(PLAN, text=gap.join(said), sentences=tuple(map(Sentence, said))).with_(**more)


def of(said: list[tuple[str, str]]) -> Answer:
    text = "".join(sentence if not i else gap + sentence for i, (sentence, gap) in enumerate(said))
    return Answer(PLAN, text=text, sentences=tuple(Sentence(sentence) for sentence, _ in said))


def told(parts: list[Answer], last: Answer) -> list[Event]:
    events: list[Event] = []
    telling = Telling(events.append)
    for part in parts:
        telling.hear(Part(part))
    telling.finish(last)
    return events


@given(st.lists(SENTENCES, max_size=6), SENTENCES)
def test_events_fold_to_the_answer_whatever_was_told_before(
    parts: list[list[tuple[str, str]]], last: list[tuple[str, str]]
) -> None:
    assert fold(told([of(part) for part in parts], of(last))) == of(last)


@given(SENTENCES)
def test_what_grows_is_never_taken_back(said: list[tuple[str, str]]) -> None:
    events = told([of(said[:n]) for n in range(len(said))], of(said))
    assert not any(isinstance(event, Retracted) for event in events)
    assert sum(isinstance(event, Shown) for event in events) == len(said)


def test_a_sentence_that_goes_leaves_the_others_where_they_are() -> None:
    events = told([answer("A is.", "B is.", "C is.")], answer("A is.", "C is."))
    assert [event.id for event in events if isinstance(event, Retracted)] == [2]
    assert sum(isinstance(event, Shown) for event in events) == 3


def test_a_new_draft_takes_back_only_what_it_says_otherwise() -> None:
    first, second = answer("A is.", "B is."), answer("A is.", "D is.")
    events = told([first, answer(), answer("A is.")], second)
    assert [event.id for event in events if isinstance(event, Retracted)] == [2]
    assert fold(events) == second


@pytest.mark.parametrize(
    "last",
    [
        answer(text="Nothing is known.", abstained=True, reason="no_evidence"),
        answer("price: 30", text='{"price": 30}'),
        answer(),
        answer("A is.", text=""),
    ],
)
def test_answers_that_are_more_than_their_sentences_are_whole(last: Answer) -> None:
    assert fold(told([], last)) == last


def test_tokens_are_counted_by_draft_and_spending_adds_up() -> None:
    events: list[Event] = []
    telling = Telling(events.append)
    for heard in (Begun(), Token("A"), Begun(), Token("B")):
        telling.hear(heard)
    telling.hear(Spent(Usage(input_tokens=5, output_tokens=1, usd=0.5)))
    telling.hear(Spent(Usage(input_tokens=7, output_tokens=None, usd=0.25)))
    assert events[:2] == [Token("A", draft=1), Token("B", draft=2)]
    spent = [e.usage for e in events if isinstance(e, Spent)]
    assert [(u.input_tokens, u.output_tokens, u.usd) for u in spent] == [(5, 1, 0.5), (12, None, 0.75)]
    assert set(telling.facts) == {"first_token_s"}


def test_nothing_is_heard_after_the_end() -> None:
    events: list[Event] = []
    telling = Telling(events.append)
    telling.finish(answer("A is."))
    telling.hear(Part(answer("B is.")))
    telling.hear(Token("B"))
    assert isinstance(events[-1], Done)
    assert set(telling.facts) == {"first_sentence_s"}


def test_stages_may_tell_from_any_thread() -> None:
    events: list[Event] = []
    telling = Telling(events.append)
    said = [f"S{n} is." for n in range(20)]
    threads = [threading.Thread(target=telling.hear, args=(Part(answer(*said[:n])),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    telling.finish(answer(*said))
    assert fold(events) == answer(*said)


def test_a_stream_that_broke_off_is_no_answer() -> None:
    shown = Shown(1, Sentence("A is."), text="A is.")
    with pytest.raises(ValueError, match="broke off"):
        fold([shown])
    so_far = SoFar()
    so_far.take(shown)
    assert (so_far.text, so_far.is_whole) == ("A is.", False)
    with pytest.raises(ValueError, match="there is no answer"):
        so_far.answer()


def test_events_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="sentence 3 is taken back"):
        fold([Retracted(3)])
    with pytest.raises(ValueError, match="comes after Done"):
        fold([*told([], answer("A is.")), Token("x")])
