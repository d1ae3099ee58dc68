"""One question through a pipeline: the outcome, and what the nodes did for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ragkit.evaluation.dataset import Question
from ragkit.evaluation.outcome import Outcome
from ragkit.evaluation.runner.observe import Observer
from ragkit.evaluation.runner.opened import Opened
from ragkit.evaluation.runner.outcome_json import outcome_line
from ragkit.evaluation.runner.stage_cache import StageCache
from ragkit.graph.trace import Trace
from ragkit.types import QueryPlan


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question: the outcome with its line, the nodes that were run, those that were known."""

    outcome: Outcome
    line: str = field(kw_only=True, repr=False)
    executed: tuple[str, ...] = field(default=(), kw_only=True)
    cached: tuple[str, ...] = field(default=(), kw_only=True)


class Asker:
    """Asks one pipeline. Any number of questions may be under way at once.

    Args:
        pipeline: opened.
        cache: of the values that stages gave before; None to run every stage.

    Example:
        asked = await Asker(opened, cache).ask(question)
        asked.outcome.ranked
    """

    def __init__(self, pipeline: Opened, cache: StageCache | None) -> None:
        self._pipeline = pipeline
        self._cache = cache
        self._observer = Observer(
            pipeline.collection, pipeline.nodes, cut=pipeline.cut, places=pipeline.places
        )
        self._dense = [node.name for node in pipeline.nodes if node.use == "retrieve/dense"]

    def prepare(self, questions: Sequence[Question]) -> None:
        """Embeds the questions together; the collection remembers their vectors for when they are asked."""
        with suppress(Exception):  # it fails again where it is counted
            texts = [question.text for question in questions if self._is_to_be_embedded(question)]
            if texts:
                self._pipeline.collection.embed(texts, "query")

    async def ask(self, question: Question) -> Asked:
        """The outcome of a question. What a stage raises becomes its `error`."""
        trace, known = Trace(""), dict[str, Any]()
        try:
            outcome = await self._outcome(question, trace, known)
            # Here, for what cannot be written, such as a support of NaN, is this question's failure alone.
            line = outcome_line(outcome)
        except Exception as e:
            outcome = Outcome(question.id, error=f"{type(e).__name__}: {e}")
            line = outcome_line(outcome)
        ran = dict.fromkeys(node.node for node in trace.nodes if node.status != "skipped")
        return Asked(outcome, line=line, executed=tuple(ran), cached=tuple(known))

    def _is_to_be_embedded(self, question: Question) -> bool:
        if not self._dense or self._cache is None:
            return bool(self._dense)
        keys = self._cache.keys(self._pipeline.plan(question))
        return not self._cache.holds([keys.get(name) for name in self._dense])

    async def _outcome(self, question: Question, trace: Trace, known: dict[str, Any]) -> Outcome:
        opened = self._pipeline
        with opened.collection.held(opened.plan(question)) as plan:
            values, degraded = await self._values(plan, trace, known)
            return self._observer.outcome(question.id, values, degraded=degraded)

    async def _values(
        self, plan: QueryPlan, trace: Trace, known: dict[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What each node gave, and what was done without; `known` and `trace` say how each came about."""
        graph, cache, values = self._pipeline.graph, self._cache, dict[str, Any]()
        if cache is None:
            result = await graph.run(plan, trace=trace, observe=values.__setitem__)
            return values, result.degraded
        keys = cache.keys(plan)
        known.update(cache.read(keys, plan))
        if len(known) == len(self._pipeline.nodes):
            return known, ()
        try:
            result = await graph.run(plan, trace=trace, known=known, observe=values.__setitem__)
            return values, result.degraded
        finally:
            # What came before a failure is as good as ever.
            cache.write(keys, values, plan=plan, trace=trace)
