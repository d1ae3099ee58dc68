"""`query/hyde`: a passage that might answer the question, written by a chat model and searched with.

Source: Gao, Ma, Lin and Callan, "Precise Zero-Shot Dense Retrieval without Relevance Labels", ACL 2023.
What it says is used to find passages, never as an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ragkit.graph.stage import RunContext, stage
from ragkit.query.asking import LlmSettings, QueryStage
from ragkit.query.queries import with_queries
from ragkit.types import QueryPlan


@stage("query/hyde")
class HydeQuery(QueryStage):
    """Searches with a made-up passage beside the question: it looks more like an answer does.

    It helps where questions and documents share few words, and misleads where the model knows nothing of the
    subject: compare both in a suite. There is no form without a model.

    Example:
        HydeQuery(llm=OpenAIChat(base_url="http://localhost:8000/v1", model="qwen3-8b"))
    """

    class Config(LlmSettings):
        weight: float = Field(
            0.5, gt=0.0, le=10.0, description="Weight of the made-up passage; that of the question is 1."
        )

    prompt_name: ClassVar[str] = "hyde"
    config: Config

    def schema(self) -> Mapping[str, Any]:
        """One passage."""
        return {
            "type": "object",
            "properties": {"passage": {"type": "string"}},
            "required": ["passage"],
            "additionalProperties": False,
        }

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Adds the passage."""
        return with_queries(plan, [reply["passage"]], name="hyde", weight=self.config.weight)
