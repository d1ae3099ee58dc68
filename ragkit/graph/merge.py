"""How the outputs of several nodes become one input: rankings concatenate, plans merge by query id."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ragkit.errors import GraphError
from ragkit.filters import Filter, both
from ragkit.types import QueryPlan, Rankings

Merge = Callable[[Sequence[Any]], Any]


def merge_for(takes: type) -> Merge | None:
    """How a stage that takes `takes` can have several inputs, or None where it takes exactly one."""
    if takes is Rankings:
        return merge_rankings
    return merge_plans if takes is QueryPlan else None


def merge_rankings(parts: Sequence[Rankings]) -> Rankings:
    """The rankings of all parts, in the order of the parts, over the merged plan."""
    plan = merge_plans([part.plan for part in parts])
    return Rankings(plan, tuple(arm for part in parts for arm in part.arms))


def merge_plans(parts: Sequence[QueryPlan]) -> QueryPlan:
    """The queries of all plans, in order, each id once; of two with one id the first stands.

    Filters are joined by `And`: each part may have narrowed the caller's, so either alone would widen it.
    Of `standalone`, `intent` and `route`, the first that a part has stands.

    Raises:
        GraphError: the plans differ in tenant, acl or commit, which no stage may change.
    """
    first = parts[0]
    if all(part is first for part in parts):
        return first
    queries = {query.id: query for part in reversed(parts) for query in reversed(part.queries)}
    order = dict.fromkeys(query.id for part in parts for query in part.queries)
    filters: list[Filter | None] = []
    for part in parts:
        if (part.tenant, part.acl, part.commit) != (first.tenant, first.acl, first.commit):
            raise GraphError(
                "two inputs come with different tenants, acl or commits; a query stage must hand these on "
                "as it got them, for example with dataclasses.replace(plan, queries=...)"
            )
        if part.filter not in filters:
            filters.append(part.filter)
    narrowed = functools.reduce(both, filters, None)
    return replace(
        first,
        queries=tuple(queries[id_] for id_ in order),
        filter=narrowed,
        standalone=_first(part.standalone for part in parts),
        intent=_first(part.intent for part in parts),
        route=_first(part.route for part in parts),
    )


def _first(said: Iterable[str | None]) -> str | None:
    return next((word for word in said if word is not None), None)
