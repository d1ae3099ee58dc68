"""Which questions belong together: those that one and the same document answers.

Ten questions about one page are not ten independent trials. Resampled and tested as one, they give the width
that an interval really has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ragkit.evaluation.qrels import Qrels
from ragkit.evaluation.report import Result


def clusters(qrels: Qrels, questions: Iterable[str]) -> dict[str, str]:
    """The cluster of each question: that of its relevant documents, if another has the very same ones.

    Questions that share some documents and not all stay apart: chains of them would soon hold all of a set.

    >>> clusters({"q1": {"a": 1}, "q2": {"a": 2, "b": 0}, "q3": {"b": 1}}, ["q1", "q2", "q3", "q4"])
    {'q1': 'q1', 'q2': 'q1', 'q3': 'q3', 'q4': 'q4'}
    """
    first: dict[tuple[str, ...], str] = {}
    found = {}
    for question in questions:
        relevant = tuple(sorted(document for document, grade in qrels.get(question, {}).items() if grade > 0))
        found[question] = first.setdefault(relevant, question) if relevant else question
    return found


def clusters_of(result: Result, questions: Iterable[str]) -> list[str] | None:
    """The clusters of some questions of a result, in their order; None where each stands alone."""
    names = list(clusters(result.qrels, questions).values())
    return names if len(set(names)) < len(names) else None


def shared(found: Mapping[str, str]) -> Mapping[str, str] | None:
    """The clusters, None where each question stands alone."""
    return found if len(set(found.values())) < len(found) else None
