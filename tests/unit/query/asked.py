"""Stages of `ragkit/query` under test, set up over a collection whose model knows no language."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from ragkit.fields import FieldSpec, parse_fields
from ragkit.graph.stage import RunContext
from ragkit.query.asking import QueryStage
from ragkit.types import QueryPlan
from tests.unit.making import run_context
from tests.unit.stand_ins import Wordless, WordsOnly

FIELDS = parse_fields(
    {"tenant": "keyword", "acl": ["keyword"], "lang": "keyword", "date": "datetime", "product": "keyword"}
)


class Declared(Wordless):
    """A collection with declared fields."""

    fields: Mapping[str, FieldSpec] = FIELDS


class WithFields(WordsOnly):
    """What a graph would be set up with, over such a collection."""

    @property
    def collection(self) -> Declared:
        return Declared()


def run(stage: QueryStage, plan: QueryPlan | str, ctx: RunContext | None = None) -> QueryPlan:
    """What a stage makes of a plan, or of a question."""
    stage.setup(WithFields())
    given = QueryPlan.of(plan) if isinstance(plan, str) else plan
    return anyio.run(stage.run, given, ctx or run_context())


def said(plan: QueryPlan) -> list[str]:
    """The texts of its queries."""
    return [query.text for query in plan.queries]
