"""`query/expand`: further wordings of a question, from a chat model or a list of synonyms of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.queries import with_queries
from ragkit.text.template import Places
from ragkit.types import QueryPlan


@stage("query/expand")
class ExpandQuery(QueryStage):
    """Adds further wordings of the question as queries.

    With `llm`, a chat model gives up to `max` of them. Your own `synonyms` need no model: where a question
    has a word or phrase of the list, in whatever form, one query more is the question with what else that is
    called. There is no built-in thesaurus.

    >>> ExpandQuery(synonyms={"PTO": ["paid time off", "vacation"]}).config.max
    3
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question", "max"), ("conversation",))
        max: int = Field(3, ge=1, le=16, description="Wordings to add at most.")
        weight: float = Field(
            0.5, gt=0.0, le=10.0, description="Weight of a wording in fusion; that of the question is 1."
        )
        synonyms: Mapping[str, list[str]] = Field(
            default_factory=dict, description="What else a word or phrase is called in your documents."
        )

    prompt_name: ClassVar[str] = "expand"
    config: Config

    def schema(self) -> Mapping[str, Any]:
        """A list of queries."""
        return {
            "type": "object",
            "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
            "required": ["queries"],
            "additionalProperties": False,
        }

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """How many wordings there may be."""
        return {"max": str(self.config.max)}

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Adds the model's wordings and, where the list has some, the synonyms."""
        plan = self._with(plan, reply["queries"])
        return self._with_synonyms(plan, ctx)

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """Adds the synonyms of the list."""
        return self._with_synonyms(plan, ctx)

    def _with(self, plan: QueryPlan, texts: Sequence[str]) -> QueryPlan:
        return with_queries(plan, texts, name="wording", weight=self.config.weight, most=self.config.max)

    def _with_synonyms(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        asked = self.collection.terms(plan.understood)
        found = [
            word
            for phrase, others in self.config.synonyms.items()
            if _has_run(asked, self.collection.terms(phrase))
            for word in others
        ]
        ctx.note(synonyms=found)
        return self._with(plan, [" ".join((plan.understood, *found))]) if found else plan


def _has_run(asked: Sequence[str], phrase: Sequence[str]) -> bool:
    n = len(phrase)
    return n > 0 and any(list(asked[i : i + n]) == list(phrase) for i in range(len(asked) - n + 1))
