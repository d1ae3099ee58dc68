"""A chat model grades each passage from 0 to 3, several in a call and calls side by side.

Grades with a stated meaning order passages better than yes and no: Zhuang et al., "Beyond Yes and No:
Improving Zero-Shot LLM Rankers via Scoring Fine-Grained Relevance Labels", NAACL 2024. The four grades and
their meaning are those that judges of TREC Deep Learning use (Craswell et al., 2020), which models follow
well: Upadhyay et al., "UMBRELA", 2024. A chat model tells no probabilities, so equal grades keep their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from ragkit.graph.asking import read_json
from ragkit.rerank.llm_asked import Asked
from ragkit.types import Hit

TOP_GRADE = 3
Grades = list[int | None]

GRADES_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "grades": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "passage": {"type": "integer"},
                    "grade": {"type": "integer", "minimum": 0, "maximum": TOP_GRADE},
                },
                "required": ["passage", "grade"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["grades"],
    "additionalProperties": False,
}


async def graded(hits: Sequence[Hit], asked: Asked, *, batch: int, at_once: int) -> Grades:
    """A grade for each hit, in their order; None for one that the model said nothing usable of.

    Args:
        hits: to be graded.
        asked: asks the model.
        batch: hits in a call.
        at_once: calls that run side by side at most.
    """
    grades: Grades = [None] * len(hits)
    limit = anyio.Semaphore(at_once)

    async def grade(start: int) -> None:
        async with limit:
            shown = hits[start : start + batch]
            done = await asked.reply(shown)
        if done is None:
            return
        try:
            found = of_reply(read_json(done, GRADES_SCHEMA), len(shown))
        except ValueError as e:
            asked.refused(done, str(e))
            return
        named = sum(one is not None for one in found)
        if not named:
            asked.refused(done, f"the reply grades none of the {len(shown)} passages")
            return
        asked.used(is_repaired=named < len(shown))
        grades[start : start + batch] = found

    async with anyio.create_task_group() as group:
        for start in range(0, len(hits), batch):
            group.start_soon(grade, start)
    return grades


def of_reply(reply: Mapping[str, Any], n: int) -> Grades:
    """The grades of `n` passages; of one that is graded twice the lower one, for it is in doubt.

    >>> of_reply({"grades": [{"passage": 2, "grade": 3}, {"passage": 9, "grade": 3}]}, 2)
    [None, 3]
    """
    grades: Grades = [None] * n
    for one in reply["grades"]:
        i, grade = int(one["passage"]) - 1, int(one["grade"])
        if 0 <= i < n:
            before = grades[i]
            grades[i] = grade if before is None else min(before, grade)
    return grades


def in_places(grades: Grades) -> list[int]:
    """The order of things with these grades, as positions: higher grades first, equal ones as they were.

    One without a grade keeps its place, and the others are sorted into the places that are left.

    >>> in_places([0, None, 3])
    [2, 1, 0]
    """
    places = [i for i, grade in enumerate(grades) if grade is not None]
    best = iter(sorted(places, key=lambda i: (-(grades[i] or 0), i)))
    return [i if grade is None else next(best) for i, grade in enumerate(grades)]


def scores_of(grades: Grades) -> list[float]:
    """A score in (0, 1) for each thing, falling along their order, from grades that fall but for gaps.

    A quarter of the range is for each grade; within it, scores fall by place. A gap counts as the grade
    before it, or as the first one there is.

    >>> scores_of([3, None, 0])
    [0.9375, 0.875, 0.0625]
    """
    grade = next((one for one in grades if one is not None), 0)
    scores = []
    for place, one in enumerate(grades):
        grade = grade if one is None else one
        scores.append((grade + 1.0 - (place + 1.0) / (len(grades) + 1.0)) / (TOP_GRADE + 1.0))
    return scores
