"""TAT-QA: `answers` are the parts of one answer, and `metadata.scale` (thousand, percent …) belongs to it.

The accepted answers are all parts in a row, with the scale and without. Places are not annotated: where
`answer_type` is `span` or `multi-span` and each part stands exactly once in the judged tables and paragraphs,
these are their places, and each part is a hop; else the question has no evidence. What is computed stands
nowhere.
Zhu et al., "TAT-QA", ACL 2021.
"""

from __future__ import annotations

from dataclasses import replace

from ragkit.evaluation.layouts.layout import Surroundings
from ragkit.evaluation.question import Evidence, Question
from ragkit.types import Span

_SCALES = {"percent": ("%", " percent")}


def read(question: Question, around: Surroundings) -> Question:
    """The question with its answer in one piece, and the places of its parts where they are sure."""
    parts, scale = question.answers, question.metadata["scale"]
    whole = ", ".join(parts)
    scaled = [whole + end for end in _SCALES.get(scale, (f" {scale}",))] if scale else []
    is_quoted = question.metadata["answer_type"] in ("span", "multi-span")
    evidence = _places(parts, around) if is_quoted else ()
    return replace(
        question,
        answers=tuple(dict.fromkeys([*scaled, whole])) if parts else (),
        evidence=evidence,
        is_answerable=True,
    )


def _places(parts: tuple[str, ...], around: Surroundings) -> tuple[Evidence, ...]:
    texts = {document: around.texts.document(document) or "" for document in around.grades}
    evidence = []
    for hop, part in enumerate(dict.fromkeys(parts), start=1):
        holding = [document for document, text in texts.items() for _ in range(text.count(part))]
        if len(holding) != 1:
            return ()
        start = texts[holding[0]].index(part)
        evidence.append(Evidence(holding[0], span=Span(start, start + len(part)), hop=hop))
    return tuple(evidence)
