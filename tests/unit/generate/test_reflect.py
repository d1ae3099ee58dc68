"""A second attempt for what did not hold, and not a third."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

import ragkit
from ragkit.chat import Completion
from ragkit.errors import ConfigError, GraphError, ModelUnavailableError
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.reflect import ReflectGenerate
from ragkit.graph.stage import RunContext
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Correction, Sentence, Usage
from ragkit.verify.citations import VerifyCitations
from tests.unit.generate.scripted import Scripted
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

WARRANTY = chunk("a", "The warranty lasts 24 months. It starts on delivery.", document_id="warranty")
QUESTION = "How long does the warranty last?"
DRAFT = "The warranty lasts 36 months. [1]"
WRONG = Sentence("The warranty lasts 36 months.", problems=("its source does not state 36",))


def drafted(question: str = QUESTION, **changes: object) -> Answer:
    given = context(question, WARRANTY)
    return Answer(
        given.plan,
        text="It starts on delivery. [1]",
        sentences=(Sentence("It starts on delivery."),),
        context=given,
        correction=Correction(DRAFT, refused=(WRONG,)),
        usage=Usage(input_tokens=10, output_tokens=1, usd=0.001),
    ).with_(**changes)


def again(model: Scripted, answer: Answer, ctx: RunContext | None = None) -> Answer:
    stage = ReflectGenerate(llm=model)
    stage.setup(WordsOnly())
    return anyio.run(stage.run, answer, ctx or run_context())


def test_the_model_is_told_what_did_not_hold_and_writes_anew() -> None:
    model = Scripted("The warranty lasts 24 months. [1]")
    answer = again(model, drafted())
    assert (answer.text, answer.sentences, answer.correction) == (
        "The warranty lasts 24 months. [1]",
        (),
        None,
    )
    system, user, draft, wish = model.asked[0]
    assert (system.role, user.role, draft.text) == ("system", "user", DRAFT)
    assert "- The warranty lasts 36 months. (its source does not state 36)\n" in wish.text
    assert "NO_ANSWER_IN_PASSAGES" in wish.text
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 10)
    assert answer.usage.usd == pytest.approx(0.002)


def test_a_russian_answer_is_corrected_in_russian() -> None:
    model = Scripted("24 месяца. [1]")
    again(model, drafted("Сколько длится гарантия на сканер?"))
    assert model.asked[0][-1].text.startswith("Твой ответ сверили с фрагментами.")


def test_what_held_goes_through_and_no_model_is_asked() -> None:
    model, fine = Scripted("Never."), drafted(correction=None)
    assert again(model, fine) is fine
    assert model.asked == []


@pytest.mark.parametrize(
    "reply", [ModelUnavailableError("down"), "", Completion("", model="m", finish_reason="content_filter")]
)
def test_a_second_attempt_that_fails_leaves_what_held(
    reply: str | Completion | ModelUnavailableError,
) -> None:
    ctx = run_context()
    answer = again(Scripted(reply), drafted(), ctx)
    assert (answer.text, answer.correction) == ("It starts on delivery. [1]", None)
    assert ctx.degraded == ["node: the second attempt failed"]


def test_a_model_that_gives_up_leaves_what_held() -> None:
    answer = again(Scripted("NO_ANSWER_IN_PASSAGES"), drafted())
    assert (answer.text, answer.abstained) == ("It starts on delivery. [1]", False)


def test_unknown_counts_stay_unknown() -> None:
    answer = again(Scripted("24 months. [1]"), drafted(usage=Usage()))
    assert (answer.usage.input_tokens, answer.usage.usd) == (None, None)


def test_its_answer_must_be_checked_too() -> None:
    model = Scripted("")
    flow = Bm25Retrieve() >> WeightedFuse() >> CitedGenerate(llm=model) >> VerifyCitations()
    with pytest.raises(GraphError, match="what generate/reflect writes must be checked"):
        ragkit.open("index", graph=flow >> ReflectGenerate(llm=model))
    with pytest.raises(ConfigError, match="llm: missing"):
        ReflectGenerate()


def test_in_a_graph_the_wrong_sentence_is_written_anew_and_checked(tmp_path: Path) -> None:
    model = Scripted(DRAFT, "The warranty lasts 24 months. [1]")
    graph = (
        Bm25Retrieve()
        >> WeightedFuse()
        >> CitedGenerate(llm=model)
        >> VerifyCitations(on_unsupported="regenerate")
        >> ReflectGenerate(llm=model)
        >> VerifyCitations()
    )
    with ragkit.open(tmp_path / "index", graph=graph) as rag:
        rag.ingest([ragkit.Document("warranty", WARRANTY.text)], progress=False)
        answer = rag.ask(QUESTION)
        assert answer.text == "The warranty lasts 24 months. [1]"
        assert answer.citations[0].quote == "The warranty lasts 24 months."
        assert answer.generator == "generate/reflect"
        assert len(model.asked) == 2
