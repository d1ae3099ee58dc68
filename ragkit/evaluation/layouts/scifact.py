"""SciFact: `metadata.evidence` lists rationales, `{"corpus_id", "spans": [[start, end], …]}`.

A rationale is proof when all of its sentences are there, and any one rationale is enough. Hops say the
reverse, one of several places in each, so every way to pick one sentence of each rationale becomes a hop: all
of these hold exactly when all sentences of some rationale are there. Spans count in the abstract, without its
title. Wadden et al., "Fact or Fiction", EMNLP 2020.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

from ragkit.evaluation.layouts.layout import Surroundings
from ragkit.evaluation.question import Evidence, Question

_MOST_HOPS = 64


def read(question: Question, around: Surroundings) -> Question:
    """The claim with its evidence; claims that nothing decides have none, and are not unanswerable questions:
    the abstracts that they cite are judged all the same."""
    rationales = [
        [(one["corpus_id"], around.span(one["corpus_id"], *span)) for span in one["spans"]]
        for one in question.metadata["evidence"]
        if one["spans"]
    ]
    # No claim of SciFact has more than four ways; of other data the shortest rationales are taken.
    rationales.sort(key=len)
    while math.prod(map(len, rationales)) > _MOST_HOPS:
        rationales.pop()
    ways = product(*rationales) if rationales else ()
    evidence = tuple(
        Evidence(document, span=span, hop=hop)
        for hop, way in enumerate(ways, start=1)
        for document, span in dict.fromkeys(way)
    )
    return replace(question, evidence=evidence)
