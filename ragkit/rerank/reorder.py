"""`rerank/reorder`: the best passages at both ends of what a model reads, the weakest in the middle.

Language models use what stands at the beginning and the end of a long context more than what stands in its
middle: Liu et al., "Lost in the Middle: How Language Models Use Long Contexts", TACL 2024.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.settings import Settings
from ragkit.types import Context


@stage("rerank/reorder", inline=True)
class Reorder(Stage[Context, Context]):
    """Puts the passages of a context in the order 1, 3, 5 … 6, 4, 2 of their scores.

    It takes a context and not a ranking: a ranking is best first, for what is cut after it and for what
    measures it. So it comes last before the stage that writes. Equal scores stand in order of chunk id.

    >>> Reorder(best="last").config.best
    'last'
    """

    class Config(Settings):
        best: Literal["first", "last"] = Field("first", description="Which end the best passage stands at.")

    config: Config

    def run(self, context: Context, ctx: RunContext) -> Context:
        ranked = sorted(context.passages, key=lambda p: (-p.hit.score, p.chunk.id, p.keep))
        order = (*ranked[::2], *reversed(ranked[1::2]))
        return Context(context.plan, order if self.config.best == "first" else order[::-1])
