"""HotpotQA and 2WikiMultiHopQA: `metadata.evidence` lists sentences, `{"corpus_id", "start", "end"}`.

`start` and `end` count in the row's `text`, without its title. Every sentence is needed, so each is a hop.
Yang et al., "HotpotQA", EMNLP 2018; Ho et al., "Constructing A Multi-hop QA Dataset", COLING 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ragkit.evaluation.layouts.layout import Surroundings
from ragkit.evaluation.question import Evidence, Question
from ragkit.types import Span


def read(question: Question, around: Surroundings) -> Question:
    """The question with its supporting sentences, in their order, each a hop of its own."""
    evidence = tuple(
        Evidence(fact["corpus_id"], span=_span(fact, around), hop=hop)
        for hop, fact in enumerate(question.metadata["evidence"], start=1)
    )
    return replace(question, evidence=evidence, is_answerable=True)


def _span(fact: Mapping[str, Any], around: Surroundings) -> Span:
    return around.span(fact["corpus_id"], fact["start"], fact["end"], says=fact.get("text"))
