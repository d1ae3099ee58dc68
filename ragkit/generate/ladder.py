"""What a graph that answers questions can do without, where a budget runs short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ragkit.errors import BudgetError
from ragkit.generate.budget import counter, fitting_passages
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.checked import CheckedGraph, CheckedNode
from ragkit.graph.ladder import Ladder
from ragkit.graph.stage import RunContext, Stage
from ragkit.protocols import Resources
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.text.relevance import kept_sentences
from ragkit.types import Answer, Context

# By role, where a node gives what it takes: they make an answer better, and none depends on them.
SPARED_ROLES = ("query", "rerank")
SPARED = ("compress/llm", "generate/reflect", "retrieve/graph", "retrieve/multihop")
# It refuses more of what was checked; it may go only where something else has checked.
JUDGE, CHECK = "verify/judged", "verify/citations"
LEAST_CONTEXT_TOKENS = 80
_MARGIN_TOKENS = 16


class LastResort(ExtractiveGenerate):
    """The sentences that likeliest answer, however unlikely that is: the last rung of the ladder.

    It never says that the documents hold no answer, for nobody has read them. Where its sentences are too
    unlikely to answer the question by themselves, it says so in `degraded`. Where time is limited it goes by
    words alone, which takes a few milliseconds.

    >>> LastResort().config.min_confidence
    0.0
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"min_confidence": 0.0, **settings})
        self._by_words = ExtractiveGenerate(**{**self.config.as_keywords(), "dense_share": 0.0})

    def setup(self, resources: Resources) -> None:
        super().setup(resources)
        self._by_words.setup(resources)

    def run(self, context: Context, ctx: RunContext) -> Answer:
        is_hurried = ctx.budget is not None and ctx.budget.ledger.deadline is not None
        answer = self._by_words.run(context, ctx) if is_hurried else super().run(context, ctx)
        if answer.abstained and answer.reason != "conflicting" and context.passages:
            raise BudgetError(
                "the budget did not suffice to ask a model, and no sentence of the passages can be quoted. "
                "Raise the limits under budget:"
            )
        usual = ExtractiveGenerate.Config.model_fields["min_confidence"].default
        if not answer.abstained and answer.confidence is not None and answer.confidence < usual:
            ctx.degrade("budget: the nearest sentences are quoted, and may not answer")
        return answer


def ladder_of(graph: CheckedGraph, tokenizer: Path | None = None) -> Ladder:
    """What may be done without in a graph.

    Args:
        graph: checked.
        tokenizer: of the chat models, for exact counts.
    """
    is_checked = any(node.stage.use == CHECK for node in graph.nodes)
    spared = frozenset(node.name for node in graph.nodes if _is_spared(node, is_checked))
    writers: dict[str, Stage[Any, Any] | None] = {
        # Only of an answer in sentences can sentences take the place.
        node.name: LastResort() if node.stage.followed_by == "verify" else None
        for node in graph.nodes
        if _role(node) == "generate"
        and node.takes is Context
        and node.gives is Answer
        and node.stage.use != ExtractiveGenerate.use
    }
    return Ladder(spared, writers=writers, shorten=shortened, tokenizer=tokenizer)


def shortened(stage: Stage[Any, Any], context: Context, over: int) -> Context | None:
    """A context with at least `over` tokens less than the stage would use; None where too little is left."""
    count = counter(getattr(stage.config, "tokenizer", None))
    collection = getattr(stage, "collection", None)
    used = sum(count(source_of(passage)) + FRAME_TOKENS + count(passage.text) for passage in context.passages)
    budget = min(used, getattr(stage.config, "context_tokens", used)) - over - _MARGIN_TOKENS
    if budget < LEAST_CONTEXT_TOKENS or collection is None:
        return None
    passages = fitting_passages(
        context.passages,
        budget,
        count=count,
        sentences=lambda passage: kept_sentences(passage, collection),
    )
    return Context(context.plan, passages)


def _is_spared(node: CheckedNode, is_checked: bool) -> bool:
    if not node.passes_through:
        return False
    use = node.stage.use
    return _role(node) in SPARED_ROLES or use in SPARED or (use == JUDGE and is_checked)


def _role(node: CheckedNode) -> str:
    return node.stage.use.partition("/")[0]
