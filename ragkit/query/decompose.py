"""`query/decompose`: a question of several parts, searched for part by part as well as whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.parts import parts_of
from ragkit.query.queries import with_queries
from ragkit.text.template import Places
from ragkit.types import QueryPlan


@stage("query/decompose")
class DecomposeQuery(QueryStage):
    """Adds the parts of a question as queries of their own; retrievers search for all of them in one batch.

    With `llm`, a chat model names the sub-questions. Without, rules find what a question compares ("X or Y",
    "difference between X and Y", "both X and Y", «чем X отличается от Y») and questions that stand side by
    side, in English and Russian; a chain ("the director of the film that …") they do not take apart. A
    question of one part is left as it is.

    >>> DecomposeQuery(max=3).config.max
    3
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question", "max"), ("conversation",))
        max: int = Field(4, ge=1, le=16, description="Parts to search for at most.")
        weight: float = Field(
            0.5, gt=0.0, le=10.0, description="Weight of a part in fusion; that of the whole question is 1."
        )

    prompt_name: ClassVar[str] = "decompose"
    config: Config

    def schema(self) -> Mapping[str, Any]:
        """A list of questions."""
        return {
            "type": "object",
            "properties": {"questions": {"type": "array", "items": {"type": "string"}}},
            "required": ["questions"],
            "additionalProperties": False,
        }

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """How many questions there may be."""
        return {"max": str(self.config.max)}

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Adds the model's sub-questions."""
        return self._with(plan, reply["questions"])

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """Adds what the rules find."""
        parts = parts_of(plan.understood, self.collection.terms)
        ctx.note(kind=parts.kind, parts=list(parts.texts))
        return self._with(plan, parts.texts)

    def _with(self, plan: QueryPlan, parts: list[str] | tuple[str, ...]) -> QueryPlan:
        if len(parts) < 2:
            return plan
        return with_queries(plan, parts, name="part", weight=self.config.weight, most=self.config.max)
