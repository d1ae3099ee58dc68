"""The values between stages as JSON, for the cache. Chunks are named by id and kept apart, each once.

A plan that equals that of the run is left out: nearly every value carries it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import numpy as np

from ragkit import filters
from ragkit.arrays import HitBatch, as_ids
from ragkit.filters import Filter
from ragkit.types import (
    Answer,
    ArmRanking,
    Chunk,
    Citation,
    Context,
    Hit,
    Passage,
    Query,
    QueryPlan,
    Ranking,
    Rankings,
    Sentence,
    Span,
    Turn,
    Usage,
)

Json = Any
Chunks = Mapping[str, Chunk]
Value = QueryPlan | Rankings | Ranking | Context | Answer
_FILTERS: dict[str, type[Filter]] = {
    kind.__name__: kind
    for kind in vars(filters).values()
    if isinstance(kind, type) and issubclass(kind, Filter)
}


def can_encode(value: object) -> bool:
    """Whether a value is one of those that travel through a graph, and no subclass that holds more."""
    return type(value) in _ENCODERS


def encoded(value: Value, plan: QueryPlan) -> Json:
    """The value as JSON; its chunks by id alone, see `chunks_in`.

    >>> plan = QueryPlan.of("How long is it?")
    >>> encoded(Rankings(plan, ()), plan)
    {'type': 'Rankings', 'plan': None, 'arms': []}
    """
    kind = type(value)
    carried = value if isinstance(value, QueryPlan) else value.plan
    row = {"type": kind.__name__, "plan": None if carried == plan else _plan_json(carried)}
    return {**row, **_ENCODERS[kind](value)}


def decoded(row: Json, plan: QueryPlan, chunks: Chunks) -> Value:
    """The value of a JSON that `encoded` gave.

    Args:
        row: the JSON.
        plan: of the run.
        chunks: at least those that the value names.

    Raises:
        KeyError: a chunk is not there.
    """
    carried = plan if row["plan"] is None else _plan(row["plan"])
    value: Value = _DECODERS[row["type"]](row, carried, chunks)
    return value


def chunks_in(value: Value) -> list[Chunk]:
    """The chunks that a value holds; arms have none, only ids."""
    if isinstance(value, Ranking):
        return [hit.chunk for hit in value.hits]
    context = value.context if isinstance(value, Answer) else value
    return [passage.chunk for passage in context.passages] if isinstance(context, Context) else []


def ids_in(row: Json) -> list[str]:
    """The ids of the chunks that a value is made with."""
    match row["type"]:
        case "Ranking":
            return [hit[0] for hit in row["hits"]]
        case "Context":
            return [passage[0][0] for passage in row["passages"]]
        case "Answer" if row["context"] is not None:
            return [passage[0][0] for passage in row["context"][1]]
    return []


# --- chunks ---------------------------------------------------------------------------------------


def chunk_json(chunk: Chunk) -> Json:
    """A chunk as JSON."""
    return {
        **asdict(chunk),
        "span": _span_json(chunk.span),
        "headings": list(chunk.headings),
        "acl": list(chunk.acl),
        "metadata": {key: _scalars(value) for key, value in chunk.metadata.items()},
    }


def chunk_of(row: Json) -> Chunk:
    """The chunk of a JSON."""
    return Chunk(
        **{
            **row,
            "span": Span(*row["span"]),
            "headings": tuple(row["headings"]),
            "acl": tuple(row["acl"]),
        }
    )


def _scalars(value: object) -> Json:
    return list(value) if isinstance(value, tuple | list) else value


# --- plans ----------------------------------------------------------------------------------------


def _plan_json(plan: QueryPlan) -> Json:
    return {
        "question": plan.question,
        "queries": [[q.id, q.text, q.weight] for q in plan.queries],
        "filter": None if plan.filter is None else _filter_json(plan.filter),
        "tenant": plan.tenant,
        "acl": None if plan.acl is None else list(plan.acl),
        "history": [[turn.role, turn.text] for turn in plan.history],
        "commit": plan.commit,
    }


def _plan(row: Json) -> QueryPlan:
    return QueryPlan(
        row["question"],
        queries=tuple(Query(id_, text, weight=weight) for id_, text, weight in row["queries"]),
        filter=None if row["filter"] is None else _filter(row["filter"]),
        tenant=row["tenant"],
        acl=None if row["acl"] is None else tuple(row["acl"]),
        history=tuple(Turn(role, text) for role, text in row["history"]),
        commit=row["commit"],
    )


def _filter_json(part: object) -> Json:
    if isinstance(part, Filter):
        parts = (getattr(part, field.name) for field in fields(part))  # type: ignore[arg-type]
        return [type(part).__name__, *map(_filter_json, parts)]
    if isinstance(part, tuple):
        return {"several": [_filter_json(one) for one in part]}
    return {"date": part.isoformat()} if isinstance(part, datetime) else part


def _filter(row: Json) -> Any:
    if isinstance(row, list):
        return _FILTERS[row[0]](*(_filter(part) for part in row[1:]))
    if isinstance(row, dict):
        if "date" in row:
            return datetime.fromisoformat(row["date"])
        return tuple(_filter(part) for part in row["several"])
    return row


# --- rankings and contexts ------------------------------------------------------------------------


def _rankings_json(rankings: Rankings) -> Json:
    return {"arms": [_arm_json(arm) for arm in rankings.arms]}


def _arm_json(arm: ArmRanking) -> Json:
    return {
        "query": [arm.query.id, arm.query.text, arm.query.weight],
        "retriever": arm.retriever,
        "ids": arm.hits.id_list(),
        "scores": arm.hits.scores.tolist(),  # exact: every float32 is a float
        "ceiling": float(arm.hits.ceiling),
        "trust": arm.trust,
        "floor": arm.floor,
    }


def _rankings(row: Json, plan: QueryPlan) -> Rankings:
    return Rankings(plan, tuple(_arm(arm) for arm in row["arms"]))


def _arm(row: Json) -> ArmRanking:
    id_, text, weight = row["query"]
    scores = np.array(row["scores"], dtype=np.float32)
    hits = HitBatch(as_ids(row["ids"]), scores, row["ceiling"]) if row["ids"] else HitBatch.empty()
    if not row["ids"]:
        hits = HitBatch(hits.ids, hits.scores, row["ceiling"])
    return ArmRanking(
        Query(id_, text, weight=weight),
        retriever=row["retriever"],
        hits=hits,
        trust=row["trust"],
        floor=row["floor"],
    )


def _ranking_json(ranking: Ranking) -> Json:
    return {"hits": [_hit_json(hit) for hit in ranking.hits], "degraded": list(ranking.degraded)}


def _ranking(row: Json, plan: QueryPlan, chunks: Chunks) -> Ranking:
    hits = tuple(_hit(hit, chunks) for hit in row["hits"])
    return Ranking(plan, hits, degraded=tuple(row["degraded"]))


def _hit_json(hit: Hit) -> Json:
    return [hit.chunk.id, float(hit.score), {name: float(score) for name, score in hit.scores.items()}]


def _hit(row: Json, chunks: Chunks) -> Hit:
    return Hit(chunks[row[0]], row[1], scores=row[2])


def _context_json(context: Context) -> Json:
    return {"passages": _passages_json(context)}


def _passages_json(context: Context) -> Json:
    return [[_hit_json(p.hit), [_span_json(span) for span in p.keep]] for p in context.passages]


def _context(row: Json, plan: QueryPlan, chunks: Chunks) -> Context:
    return Context(plan, _passages(row["passages"], chunks))


def _passages(rows: Json, chunks: Chunks) -> tuple[Passage, ...]:
    return tuple(Passage(_hit(hit, chunks), tuple(Span(*span) for span in keep)) for hit, keep in rows)


def _span_json(span: Span) -> list[int]:
    return [span.start, span.end]


# --- answers --------------------------------------------------------------------------------------


def _answer_json(answer: Answer) -> Json:
    context = answer.context
    plan = None if context is None or context.plan == answer.plan else _plan_json(context.plan)
    return {
        "text": answer.text,
        "sentences": [_sentence_json(s) for s in answer.sentences],
        "context": None if context is None else [plan, _passages_json(context)],
        "abstained": answer.abstained,
        "reason": answer.reason,
        "dropped": [_sentence_json(s) for s in answer.dropped],
        "degraded": list(answer.degraded),
        "usage": asdict(answer.usage),
        "generator": answer.generator,
        "trace_id": answer.trace_id,
    }


def _answer(row: Json, plan: QueryPlan, chunks: Chunks) -> Answer:
    context = None
    if row["context"] is not None:
        other, passages = row["context"]
        context = Context(plan if other is None else _plan(other), _passages(passages, chunks))
    return Answer(
        plan,
        text=row["text"],
        sentences=tuple(map(_sentence, row["sentences"])),
        context=context,
        abstained=row["abstained"],
        reason=row["reason"],
        dropped=tuple(map(_sentence, row["dropped"])),
        degraded=tuple(row["degraded"]),
        usage=Usage(**row["usage"]),
        generator=row["generator"],
        trace_id=row["trace_id"],
    )


def _sentence_json(sentence: Sentence) -> Json:
    return [sentence.text, [asdict(citation) for citation in sentence.citations]]


def _sentence(row: Json) -> Sentence:
    return Sentence(row[0], citations=tuple(Citation(**citation) for citation in row[1]))


_ENCODERS: dict[type, Callable[[Any], Json]] = {
    QueryPlan: lambda _: {},
    Rankings: _rankings_json,
    Ranking: _ranking_json,
    Context: _context_json,
    Answer: _answer_json,
}
_DECODERS: dict[str, Callable[[Json, QueryPlan, Chunks], Any]] = {
    "QueryPlan": lambda _, plan, __: plan,
    "Rankings": lambda row, plan, _: _rankings(row, plan),
    "Ranking": _ranking,
    "Context": _context,
    "Answer": _answer,
}
