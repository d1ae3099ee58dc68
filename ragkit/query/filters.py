"""`query/filters`: what a question says of the documents themselves, as a filter that narrows the search."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from pydantic import Field

from ragkit.errors import ConfigError, FilterError, did_you_mean
from ragkit.fields import ACL, TENANT, FieldSpec
from ragkit.filter_parser import parse_filter
from ragkit.filters import Filter, to_json
from ragkit.graph.stage import RunContext, stage
from ragkit.protocols import Resources
from ragkit.query.asking import AskedSettings, QueryStage
from ragkit.query.filter_rules import said_of_documents
from ragkit.query.narrowed import narrowed
from ragkit.text.template import Places
from ragkit.types import QueryPlan


@stage("query/filters")
class FilterQuery(QueryStage):
    """Narrows the search to what the question asks for: "documents in Russian", "reports since 2024".

    With `llm`, a chat model writes a filter over the declared fields, which is checked as one of the caller's
    is; what does not fit leaves the plan as it was. Without, rules know three things, in English and Russian:
    a language of documents (field `lang`), their time in years, months or days (a field of dates, where there
    is one), and your own `values` where the question names one.

    A filter is joined to the caller's by `And`, never put in its place; `tenant` and `acl` are out of reach.

    >>> FilterQuery(values={"product": ["Wick 5", "Wick 7"]}).config.values["product"]
    ['Wick 5', 'Wick 7']
    """

    class Config(AskedSettings):
        places: ClassVar[Places] = Places(("question", "fields"), ("conversation", "today"))
        fields: list[str] | None = Field(
            None, description="Fields that may be filtered by; all that are declared where left out."
        )
        values: dict[str, list[str]] = Field(
            default_factory=dict,
            description="Values of a field that a question may name, as they are stored.",
        )
        today: date | None = Field(
            None, description="The day that a model counts from; it is told none where left out."
        )

    prompt_name: ClassVar[str] = "filters"
    config: Config
    usable: Mapping[str, FieldSpec]

    def setup(self, resources: Resources) -> None:
        super().setup(resources)
        declared = {n: spec for n, spec in self.collection.fields.items() if n not in (TENANT, ACL)}
        named = [*(self.config.fields or ()), *self.config.values]
        unknown = [name for name in named if name not in declared]
        if unknown:
            raise ConfigError(
                f"{self.use}: {unknown[0]!r} is no declared field.{did_you_mean(unknown[0], declared)} "
                f"Declared under collection.fields: {', '.join(declared) or 'none'}"
            )
        chosen = declared if self.config.fields is None else [*self.config.fields, *self.config.values]
        self.usable = {name: spec for name, spec in declared.items() if name in chosen}

    def concerns(self, plan: QueryPlan) -> bool:
        """Whether there is anything to filter by."""
        return bool(self.usable)

    def schema(self) -> Mapping[str, Any]:
        """A filter, or null."""
        return {
            "type": "object",
            "properties": {"filter": {"anyOf": [{"type": "object"}, {"type": "null"}]}},
            "required": ["filter"],
            "additionalProperties": False,
        }

    def filling(self, plan: QueryPlan) -> Mapping[str, str]:
        """The fields, a line each, and the day."""
        today = self.config.today
        return {
            "fields": "\n".join(self._line(name, spec) for name, spec in self.usable.items()),
            "today": f" ({today.isoformat()})" if today else "",
        }

    def by_model(self, plan: QueryPlan, reply: Mapping[str, Any], ctx: RunContext) -> QueryPlan:
        """The filter that the model wrote, where it fits."""
        try:
            return self._narrowed(plan, parse_filter(reply["filter"], self.usable), ctx)
        except (FilterError, RecursionError) as e:
            self.left(ctx, f"{type(e).__name__}: {e}")
            return plan

    async def by_rules(self, plan: QueryPlan, ctx: RunContext) -> QueryPlan:
        """What the rules read."""
        found = said_of_documents(plan.understood, self.usable, self.config.values)
        return self._narrowed(plan, found, ctx)

    def _narrowed(self, plan: QueryPlan, further: Filter | None, ctx: RunContext) -> QueryPlan:
        if further is None:
            return plan
        ctx.note(filter=to_json(further))
        return narrowed(plan, further, self.collection.fields)

    def _line(self, name: str, spec: FieldSpec) -> str:
        kind = f"list of {spec.type.value}" if spec.many else spec.type.value
        values = self.config.values.get(name)
        listed = f", one of {json.dumps(values, ensure_ascii=False)}" if values else ""
        return f"- {name}: {kind}{listed}"
