"""`query/rewrite`: the question in the words that documents would use, by a chat model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import LlmSettings, QueryStage
from ragkit.query.queries import with_queries
from ragkit.types import QueryPlan


@stage("query/rewrite")
class RewriteQuery(QueryStage):
    """Searches for the question as a chat model puts it for a search engine, beside the question itself.

    Greetings and side remarks go, typing errors are mended, everyday words become those of documents. There
    is no form without a model. What later stages judge by stays the question.

    Example:
        RewriteQuery(llm=OpenAIChat(base_url="http://localhost:8000/v1", model="qwen3-8b"))
    """

    class Config(LlmSettings):
        weight: float = Field(
            1.0, gt=0.0, le=10.0, description="Weight of the new wording; that of the question is 1."
        )

    prompt_name: ClassVar[str] = "rewrite"
    config: Config

    def schema(self) -> Mapping[str, Any]:
        """One query."""
        return {
            "type": "object",
            "properties": {"query": {"type": "string"}},
            "required": ["query"],
            "additionalProperties": False,
        }

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Adds the model's wording."""
        return with_queries(plan, [reply["query"]], name="rewritten", weight=self.config.weight)
