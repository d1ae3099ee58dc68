"""`query/route`: which way a question goes, out of those that you describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from ragkit.errors import ConfigError, FilterError
from ragkit.filter_parser import parse_filter
from ragkit.filters import Filter, Or
from ragkit.graph.stage import RunContext, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Resources
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.intents import INTENTS
from ragkit.query.narrowed import narrowed
from ragkit.settings import Settings
from ragkit.text.template import Places
from ragkit.types import QueryPlan

NONE = "none"


class Route(Settings):
    """One way: what goes there, and what it means for the search.

    >>> Route(examples=["How do I pay an invoice?"], filter={"kind": "billing"}).searches
    True
    """

    about: str = Field("", max_length=1000, description="What goes this way, for the model.")
    intents: list[str] = Field(
        default_factory=list, description="Questions that query/classify took for one of these go this way."
    )
    examples: list[str] = Field(
        default_factory=list, description="Questions that go this way; others go where they are most alike."
    )
    filter: dict[str, Any] | None = Field(None, description="What the search is narrowed to.")
    searches: bool = Field(
        True, description="false: nothing is found for such a question, so that the answer is an abstention."
    )

    @field_validator("intents")
    @classmethod
    def _are_known(cls, intents: list[str]) -> list[str]:
        unknown = [intent for intent in intents if intent not in INTENTS]
        if unknown:
            raise ValueError(f"unknown intent {unknown[0]!r}; expected {', '.join(INTENTS)}")
        return intents


@stage("query/route")
class RouteQuery(QueryStage):
    """Sets `plan.route`, for conditions such as `when: route == "billing"`, and narrows the filter to it.

    A question goes first by its intent, where `query/classify` stands before and a route names that. Then,
    with `llm`, a chat model chooses by the routes' `about`. Without, the question goes where the most similar
    of all `examples` goes, if it is similar enough: by the collection's embedder where that knows the
    language, else by shared words. A question that fits nowhere is left as it is.

    >>> RouteQuery(routes={"billing": {"examples": ["How do I pay an invoice?"]}}).config.min_similarity
    0.5
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question", "routes"), ("conversation",))
        routes: dict[str, Route] = Field(min_length=1, description="The ways by name.")
        min_similarity: float = Field(
            0.5, ge=0.0, le=1.0, description="Likeness to an example that a question needs (without llm)."
        )

        @field_validator("routes")
        @classmethod
        def _is_no_route(cls, routes: dict[str, Route]) -> dict[str, Route]:
            if NONE in routes:
                raise ValueError(f"{NONE!r} cannot name a route: it stands for none of them")
            return routes

    prompt_name: ClassVar[str] = "route"
    config: Config
    filters: Mapping[str, Filter | None]

    def setup(self, resources: Resources) -> None:
        super().setup(resources)
        try:
            self.filters = {
                name: parse_filter(route.filter, self.collection.fields) if route.searches else Or(())
                for name, route in self.config.routes.items()
            }
        except FilterError as e:
            raise ConfigError(f"{self.use}: routes: {e}") from e

    async def run(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        if plan.intent is not None:
            for name, route in self.config.routes.items():
                if plan.intent in route.intents:
                    return self._sent(plan, name, ctx, by="intent")
        return await super().run(plan, ctx)

    def schema(self) -> Mapping[str, Any]:
        """One of the names, or none."""
        return {
            "type": "object",
            "properties": {"route": {"type": "string", "enum": [*self.config.routes, NONE]}},
            "required": ["route"],
            "additionalProperties": False,
        }

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """The routes, a line each."""
        lines = (
            f"- {name}: {' '.join(route.about.split()) or '; '.join(route.examples[:3])}"
            for name, route in self.config.routes.items()
        )
        return {"routes": "\n".join(lines)}

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """Where the model sends it."""
        return plan if reply["route"] == NONE else self._sent(plan, reply["route"], ctx, by="model")

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """Where the most similar example goes."""
        name, similarity = await in_thread(self._nearest, plan)
        ctx.note(similarity=round(similarity, 4))
        return plan if similarity < self.config.min_similarity else self._sent(plan, name, ctx, by="examples")

    def _sent(self, plan: QueryPlan, name: str, ctx: RunContext, *, by: str) -> QueryPlan:
        ctx.note(route=name, by=by)
        further = self.filters[name]
        sent = plan if further is None else narrowed(plan, further, self.collection.fields)
        return replace(sent, route=name)

    def _nearest(self, plan: QueryPlan) -> tuple[str, float]:
        """The route of the most similar example, the first of several, and how similar it is."""
        question = plan.understood
        examples = [(name, text) for name, route in self.config.routes.items() for text in route.examples]
        if not examples:
            return "", -1.0
        texts = [text for _, text in examples]
        if self.collection.knows(question):
            likeness = self.collection.embed(texts, "query") @ self.collection.embed([question], "query")[0]
        else:
            likeness = np.array([self._shared(question, text, plan) for text in texts], dtype=np.float32)
        best = int(np.argmax(likeness))
        return examples[best][0], float(likeness[best])

    def _shared(self, one: str, other: str, plan: QueryPlan) -> float:
        """The weighted share of the words of two texts that both have."""
        first, second = set(self.collection.terms(one)), set(self.collection.terms(other))
        weights = self.collection.term_weights(sorted(first | second), plan)
        total = sum(weights.values())
        return sum(weights[term] for term in first & second) / total if total else 0.0
