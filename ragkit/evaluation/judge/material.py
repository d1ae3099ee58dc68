"""What a judge is shown of a case, and the verdicts that need no judge."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge.verdict import JudgeVerdict
from ragkit.evaluation.metrics.wording import said
from ragkit.types import Span

_NOTHING = JudgeVerdict()


def foregone(case: Case, places: frozenset[str]) -> JudgeVerdict | None:
    """The verdict on a case that needs no judge; None where one must be asked.

    With `gold` among what the judge is shown: to abstain is right where there is no answer and wrong where
    there is one, and any answer is wrong where there is none. Otherwise an abstention claims nothing, so that
    there is nothing to judge. A case without a reply, or without a known answer where one is needed, neither.
    """
    reply, question = case.outcome.reply, case.question
    if reply is None:
        return _NOTHING
    if "gold" in places:
        if question.is_answerable is False:
            score = float(reply.abstained)
            return JudgeVerdict(score=score, reason="abstained" if reply.abstained else "there is no answer")
        if not question.answers:
            return _NOTHING
        return JudgeVerdict(score=0.0, reason="abstained") if reply.abstained else None
    return _NOTHING if reply.abstained else None


def material(case: Case, places: frozenset[str]) -> dict[str, str]:
    """The texts that stand in these places.

    Raises:
        EvalError: a passage is of a document that is not there.
    """
    made = {"question": _question, "answer": _answer, "gold": _gold, "passages": _passages}
    return {place: make(case) for place, make in made.items() if place in places}


def _question(case: Case) -> str:
    turns = [f"{turn.role}: {turn.text}" for turn in case.question.history]
    return "\n".join([*turns, case.question.text])


def _answer(case: Case) -> str:
    reply = case.outcome.reply
    return "" if reply is None else said(reply)


def _gold(case: Case) -> str:
    return "\n".join(answer.replace("\n", " ") for answer in case.question.answers)


def _passages(case: Case) -> str:
    return "\n\n".join(f"[{i}] {text}" for i, text in enumerate(passages(case), start=1))


def passages(case: Case) -> list[str]:
    """The texts that the generator read, best first.

    Raises:
        EvalError: one is of a document that is not there.
    """
    texts: dict[str, str | None] = {}
    found = []
    for place in case.outcome.context:
        text = texts.setdefault(place.document_id, case.texts.document(place.document_id))
        if text is None:
            raise EvalError(f"the document {place.document_id!r} of a passage is not in the corpus")
        found.append(_joined(text, place.spans))
    return found


def _joined(text: str, spans: tuple[Span, ...]) -> str:
    return " … ".join(text[span.start : span.end].strip() for span in spans)


def shown_pair(case: Case, other: Case) -> Mapping[str, str]:
    """What a judge of preference is shown: the question, the accepted answers, and both replies."""
    return {
        "question": _question(case),
        "gold": _gold(case),
        "first": _answer(case),
        "second": _answer(other),
    }
