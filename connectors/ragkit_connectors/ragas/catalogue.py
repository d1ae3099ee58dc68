"""Which metrics of ragas there are, and what each is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# What ragas calls what a scorer is given.
ARGUMENTS: Mapping[str, str] = {
    "question": "user_input",
    "answer": "response",
    "passages": "retrieved_contexts",
    "reference": "reference",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A metric of ragas.

    Args:
        cls: its class in `ragas.metrics.collections`.
        shown: what it is given, of `ARGUMENTS`.
        asks, embeds: whether it needs a chat model, an embedder.
        least: the lowest value that it can give; the highest is 1.

    >>> sorted(METRICS["faithfulness"].shown)
    ['answer', 'passages', 'question']
    """

    cls: str
    shown: frozenset[str]
    asks: bool = field(default=True, kw_only=True)
    embeds: bool = field(default=False, kw_only=True)
    least: float = field(default=0.0, kw_only=True)


def _entry(cls: str, shown: str, *, asks: bool = True, embeds: bool = False, least: float = 0.0) -> Entry:
    return Entry(cls, frozenset(shown.split()), asks=asks, embeds=embeds, least=least)


METRICS: Mapping[str, Entry] = {
    "answer_accuracy": _entry("AnswerAccuracy", "question answer reference"),
    "answer_correctness": _entry("AnswerCorrectness", "question answer reference", embeds=True),
    "answer_relevancy": _entry("AnswerRelevancy", "question answer", embeds=True, least=-1.0),
    "context_entity_recall": _entry("ContextEntityRecall", "reference passages"),
    "context_precision": _entry("ContextPrecision", "question reference passages"),
    "context_precision_without_reference": _entry(
        "ContextPrecisionWithoutReference", "question answer passages"
    ),
    "context_recall": _entry("ContextRecall", "question passages reference"),
    "context_relevance": _entry("ContextRelevance", "question passages"),
    "factual_correctness": _entry("FactualCorrectness", "answer reference"),
    "faithfulness": _entry("Faithfulness", "question answer passages"),
    "noise_sensitivity": _entry("NoiseSensitivity", "question answer reference passages"),
    "response_groundedness": _entry("ResponseGroundedness", "answer passages"),
    "semantic_similarity": _entry(
        "SemanticSimilarity", "reference answer", asks=False, embeds=True, least=-1.0
    ),
}
