"""What a chat model finds unsupported is not shown as cited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import anyio
import pytest

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import InvalidOutputError
from ragkit.types import Answer, Citation, Sentence
from ragkit.verify.judged import JudgeCitations, unsupported
from ragkit.verify.policy import Policy
from tests.unit.making import chunk, context, run_context

CONTEXT = context("How long?", chunk("a", "It lasts two years. It is red."))


class Judge:
    """Says what it was told to say, and remembers what it was asked."""

    name = fingerprint = "judge"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[Message] = []

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        self.asked.extend(messages)
        return Completion(self.reply, model="judge", finish_reason="stop")

    async def stream(self, messages: Sequence[Message], **_: Any) -> AsyncGenerator[Delta | Completion, None]:
        yield await self.complete(messages)


def cited(text: str, start: int, end: int) -> Sentence:
    quote = "It lasts two years. It is red."[start:end]
    place = Citation(1, document_id="doc", start=start, end=end, quote=quote, chunk_id="a" * 32, support=0.9)
    return Sentence(text, citations=(place,))


ANSWER_SENTENCES = (cited("It lasts for two years.", 0, 19), cited("It is a car.", 20, 30))


def judged(reply: str, policy: Policy = "drop") -> tuple[Answer, Judge]:
    judge = Judge(reply)
    stage = JudgeCitations(llm="judge", on_unsupported=policy)
    stage.model = judge
    text = "\n".join(sentence.marked for sentence in ANSWER_SENTENCES)
    given = Answer(CONTEXT.plan, text=text, sentences=ANSWER_SENTENCES, context=CONTEXT)

    async def ask() -> Answer:
        return await stage.run(given, run_context())

    return anyio.run(ask), judge


def test_a_refused_sentence_is_dropped_with_the_reason() -> None:
    answer, judge = judged('{"unsupported": [2]}')
    assert answer.text == "It lasts for two years. [1]"
    assert [s.text for s in answer.dropped] == ["It is a car."]
    assert "a judge finds" in answer.dropped[0].problems[0]
    assert "It is red." in judge.asked[-1].text


def test_an_answer_that_holds_stays_as_it_is() -> None:
    answer, _ = judged('Fine: {"unsupported": []}')
    assert answer.sentences == ANSWER_SENTENCES


def test_flag_keeps_the_sentence_without_its_citation() -> None:
    answer, _ = judged('{"unsupported": [1]}', "flag")
    assert [bool(s.citations) for s in answer.sentences] == [False, True]
    assert answer.text == "It lasts for two years.\nIt is a car. [1]"


@pytest.mark.parametrize(
    ("reply", "policy"), [('{"unsupported": [1, 2]}', "drop"), ('{"unsupported": [1]}', "abstain")]
)
def test_nothing_left_is_an_abstention(reply: str, policy: Policy) -> None:
    answer, _ = judged(reply, policy)
    assert (answer.abstained, answer.reason) == (True, "unsupported")


def test_regenerate_says_what_to_write_anew() -> None:
    answer, _ = judged('{"unsupported": [2]}', "regenerate")
    assert answer.correction is not None
    assert [s.text for s in answer.correction.refused] == ["It is a car."]


@pytest.mark.parametrize("reply", ["", "yes", '{"unsupported": [3]}', '{"unsupported": ["1"]}', '{"ok": 1}'])
def test_a_reply_that_is_something_else_is_an_error(reply: str) -> None:
    with pytest.raises(InvalidOutputError, match=r"judge: expected .*on_error: skip"):
        unsupported(reply, 2, "judge")
