"""The answers that a reply is compared with, and when a reply can be compared at all."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.wording import said, words


def best_of_accepted(case: Case, compare: Callable[[list[str], list[str]], float]) -> float | None:
    """The best agreement of what was said with one of the accepted answers.

    As in SQuAD 2.0: a question that cannot be answered has the empty answer as its only one, and so has one
    whose accepted answers hold no word; to abstain is to give the empty answer.

    Args:
        case: of a pipeline that answers.
        compare: from the words of an accepted answer and those of the reply to a number.

    Returns:
        None where there is no reply, or neither an answer is known nor that there is none.
    """
    question, reply = case.question, case.outcome.reply
    if reply is None or (not question.answers and question.is_answerable is not False):
        return None
    accepted = [] if question.is_answerable is False else [words(answer) for answer in question.answers]
    given = words(said(reply))
    return max(compare(answer, given) for answer in [found for found in accepted if found] or [[]])
