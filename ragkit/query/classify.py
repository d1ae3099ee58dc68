"""`query/classify`: what kind of question it is, for conditions (`when: intent == "lookup"`) and routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.intents import INTENTS, intent_of
from ragkit.text.template import Places
from ragkit.types import QueryPlan


@stage("query/classify")
class ClassifyQuery(QueryStage):
    """Sets `plan.intent` to `faq`, `lookup`, `multi_hop` or `out_of_scope`; nothing else changes.

    With `llm`, a chat model says which; tell it in `about` what the documents are about, or it cannot know
    what is out of their scope. Without, rules look at the words of the question, in English and Russian. They
    know comparisons, some chains, several questions in one, questions for a fact, small talk and wishes for a
    poem; a question about another subject they take for an ordinary one.

    >>> ClassifyQuery(about="warehouse software and its devices").config.about
    'warehouse software and its devices'
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question",), ("conversation", "about"))
        about: str = Field("", max_length=2000, description="What the documents are about, for the model.")

    prompt_name: ClassVar[str] = "classify"
    config: Config

    def schema(self) -> Mapping[str, Any]:
        """One of the intents."""
        return {
            "type": "object",
            "properties": {"intent": {"type": "string", "enum": list(INTENTS)}},
            "required": ["intent"],
            "additionalProperties": False,
        }

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """What the documents are about."""
        about = self.config.about.strip()
        return {"about": f" ({about})" if about else ""}

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """What the model says."""
        return self._set(plan, reply["intent"], ctx)

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """What the words say."""
        return self._set(plan, intent_of(plan.understood, self.collection.terms), ctx)

    def _set(self, plan: QueryPlan, intent: str, ctx: RunContext) -> QueryPlan:
        ctx.note(intent=intent)
        return replace(plan, intent=intent)
