"""The values between stages come back from the cache's JSON as they were."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given

from ragkit.evaluation.runner.value_json import (
    Value,
    can_encode,
    chunk_json,
    chunk_of,
    decoded,
    encoded,
    names_in,
)
from ragkit.types import Chunk, QueryPlan, Ranking, Rankings
from tests.unit.evaluation.runner import values


def carried(value: Value, plan: QueryPlan) -> Value:
    """The value after a way through JSON."""
    chunks: dict[str, Chunk] = {}

    def name_of(chunk: Chunk) -> str:
        body = json.dumps(chunk_json(chunk))
        chunks[body] = chunk_of(json.loads(body))
        return body

    row = json.loads(json.dumps(encoded(value, plan, name_of)))
    assert set(names_in(row)) == set(chunks)
    return decoded(row, plan, chunks)


def plain(value: Value) -> object:
    """The value in a form that compares arrays by what is in them."""
    if not isinstance(value, Rankings):
        return value
    arms = [
        (a.query, a.retriever, a.hits.id_list(), a.hits.scores.tolist(), a.hits.ceiling, a.trust, a.floor)
        for a in value.arms
    ]
    return value.plan, arms


@given(values.values, values.plans)
def test_a_value_comes_back(value: Value, plan: QueryPlan) -> None:
    assert can_encode(value)
    assert plain(carried(value, plan)) == plain(value)
    own = value if isinstance(value, QueryPlan) else value.plan
    assert plain(carried(value, own)) == plain(value)


@given(values.rankings, values.plans)
def test_arms_come_back_in_their_types(rankings: Rankings, plan: QueryPlan) -> None:
    back = carried(rankings, plan)
    assert isinstance(back, Rankings)
    for arm, before in zip(back.arms, rankings.arms, strict=True):
        assert (arm.hits.ids.dtype, arm.hits.scores.dtype) == (np.dtype("S32"), np.dtype(np.float32))
        assert (arm.hits.ids == before.hits.ids).all()


def test_a_value_of_a_subclass_is_not_taken() -> None:
    class Wider(Ranking):
        more = "than a ranking"

    assert not can_encode(Wider(QueryPlan.of("?"), ()))
    assert not can_encode("text")
