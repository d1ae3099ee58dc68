"""The one way in which a stage of `ragkit/query` changes a filter: by joining another one to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ragkit.errors import FilterError
from ragkit.fields import FieldSpec
from ragkit.filter_parser import check_filter
from ragkit.filters import Filter, both
from ragkit.types import QueryPlan


def narrowed(plan: QueryPlan, further: Filter, fields: Mapping[str, FieldSpec]) -> QueryPlan:
    """The plan with its own filter and `further`: what it finds is a part of what it found before.

    Raises:
        FilterError: `further` does not fit the declared fields, or both together are nested too deeply.

    >>> from ragkit.fields import parse_fields
    >>> from ragkit.filters import Eq
    >>> narrowed(QueryPlan.of("?"), Eq("lang", "ru"), parse_fields({"lang": "keyword"})).filter
    Eq(field='lang', value='ru')
    """
    check_filter(further, fields)
    joined = both(plan.filter, further)
    if joined is None or joined == plan.filter:
        return plan
    try:
        check_filter(joined, fields)
    except RecursionError as e:
        raise FilterError("filter: nested too deeply") from e
    return replace(plan, filter=joined)
