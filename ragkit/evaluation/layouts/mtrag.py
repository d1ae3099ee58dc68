"""MTRAG: `metadata` has `history: [{"speaker", "text"}]` and `answerability`.

ANSWERABLE and PARTIAL questions can be answered, UNANSWERABLE ones cannot; an UNDERSPECIFIED one asks for a
question in return, which is neither. What the annotators wrote where nothing can be answered, a refusal or a
question in return, is no accepted answer: it stays in `metadata` as `reply`.
Katsis et al., "MTRAG", TACL 2025.
"""

from __future__ import annotations

from dataclasses import replace

from ragkit.evaluation.layouts.layout import Surroundings
from ragkit.evaluation.question import Question
from ragkit.evaluation.question_rows import read_turn

_CAN_BE_ANSWERED = {"ANSWERABLE": True, "PARTIAL": True, "UNANSWERABLE": False, "UNDERSPECIFIED": None}


def read(question: Question, _around: Surroundings) -> Question:
    """The question with the turns before it, and whether it can be answered."""
    metadata = dict(question.metadata)
    history = tuple(read_turn(turn, question.id) for turn in metadata.pop("history"))
    is_answerable = _CAN_BE_ANSWERED[metadata["answerability"]]
    if not is_answerable:
        metadata["reply"] = list(question.answers)
    return replace(
        question,
        answers=question.answers if is_answerable else (),
        is_answerable=is_answerable,
        history=history,
        metadata=metadata,
    )
