"""A question as the extractive generator saw it: what spoke for each sentence, and which ones are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit.compress.extractive import ExtractiveCompress
from ragkit.generate.clues import Clued
from ragkit.generate.extractive import ExtractiveGenerate, Weighed
from ragkit.generate.odds import Weights, shares
from ragkit.graph.stage import RunContext
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.rerank.model import ModelRerank
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Context

# Of the fit and of the report alike: half of the questions can be answered.
MIX = {"in": 0.5, "near": 0.25, "out": 0.25, "trap": 0.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked once.

    Args:
        mode: `in` over the whole collection, `near` where it is about that and does not answer, `out`
            where nothing is about it, `trap` of the data set's own questions without an answer.
        article: what it is about: an article or a page, which is in the fit or in the report.
        clued: what speaks for each sentence.
        right: which sentences hold the answer, shape `[n]`.
        chosen: the places of the sentences that would be quoted by given weights.
    """

    mode: str
    article: str
    clued: Clued
    right: NDArray[np.bool_]
    chosen: Callable[[Weights], list[int]]


class Watched(ExtractiveGenerate):
    """The stage, telling what it weighed. A graph makes its stages anew, so the class holds it."""

    seen: ClassVar[tuple[ExtractiveGenerate, Weighed] | None] = None
    without: ClassVar[str | None] = None

    def run(self, context: Context, ctx: RunContext) -> Answer:
        kept = tuple(p for p in context.passages if p.chunk.document_id != Watched.without)
        weighed = self.weighed(replace(context, passages=kept))
        Watched.seen = None if weighed is None else (self, weighed)
        return Answer(context.plan, text="")


def graph() -> ragkit.Graph:
    """The default graph, whose generator tells what it weighed."""
    found = ragkit.fan_out(DenseRetrieve(k=50), Bm25Retrieve(k=50)) >> WeightedFuse(k=20)
    ranked = found >> ModelRerank(model=BundledReranker(), k=10)
    return ranked >> ExtractiveCompress(budget_tokens=1800) >> Watched()


def as_asked(mode: str, article: str, is_right: Callable[[str, int, int, str], bool]) -> Asked | None:
    """The question that was asked last, or None if there was nothing to weigh.

    Args:
        mode: as in `Asked`.
        article: as in `Asked`.
        is_right: of a sentence, by its document's id, its start and end there, and its words.
    """
    if Watched.seen is None:
        return None
    stage, seen = Watched.seen
    quotable = seen.quotable
    right = []
    for n, i in quotable.places:
        sentence = quotable.sentences[n][i]
        document = quotable.passages[n].chunk.document_id
        right.append(is_right(document, sentence.span.start, sentence.span.end, sentence.text))

    def chosen(weights: Weights) -> list[int]:
        return stage.choose(replace(seen, shares=shares(seen.clued, weights), weights=weights))

    return Asked(mode, article, seen.clued, np.array(right, dtype=bool), chosen)


def masses(rows: Sequence[Asked]) -> NDArray[np.float64]:
    """What each question weighs, so that the modes have the shares of `MIX`, shape `[len(rows)]`."""
    counts = {mode: sum(row.mode == mode for row in rows) for mode in MIX}
    return np.array([MIX[row.mode] / counts[row.mode] for row in rows])
