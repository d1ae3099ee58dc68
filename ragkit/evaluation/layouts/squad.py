"""SQuAD 1.1 and 2.0, XQuAD: `metadata` has `doc_id`, `answer_spans: [{"text", "start"}]`, `answerable`.

`start` counts in the row's `text`, without its title. Every annotator's span is an alternative.
Rajpurkar, Jia and Liang, "Know What You Don't Know", ACL 2018.
"""

from __future__ import annotations

from dataclasses import replace

from ragkit.evaluation.layouts.layout import Surroundings
from ragkit.evaluation.question import Evidence, Question


def read(question: Question, around: Surroundings) -> Question:
    """The question with the places of its answers; one that has no answer is unanswerable and has none."""
    document = question.metadata["doc_id"]
    is_answerable = question.metadata.get("answerable", True)
    if not is_answerable:
        return replace(question, answers=(), evidence=(), is_answerable=False)
    places = {
        Evidence(document, span=around.span(document, start, start + len(text), says=text))
        for text, start in ((span["text"], span["start"]) for span in question.metadata["answer_spans"])
    }
    ordered = tuple(sorted(places, key=lambda place: place.span))
    return replace(question, evidence=ordered, is_answerable=True)
