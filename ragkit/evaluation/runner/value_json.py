"""The values between stages as JSON, for the cache. Chunks are named and kept apart, each once.

A plan that equals that of the run is left out: nearly every value carries it. Long rows of numbers are the
bytes of an array, in base64: exact, and ten times as fast as digits.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit import filters
from ragkit.arrays import ID_BYTES, HitBatch
from ragkit.filters import Filter
from ragkit.types import (
    Answer,
    ArmRanking,
    Chunk,
    Citation,
    Context,
    Correction,
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
NameOf = Callable[[Chunk], str]
Value = QueryPlan | Rankings | Ranking | Context | Answer
_FILTERS: dict[str, type[Filter]] = {
    kind.__name__: kind
    for kind in vars(filters).values()
    if isinstance(kind, type) and issubclass(kind, Filter)
}


def can_encode(value: object) -> bool:
    """Whether a value is one of those that travel through a graph, and no subclass that holds more."""
    return type(value) in _ENCODERS


def encoded(value: Value, plan: QueryPlan, name_of: NameOf) -> Json:
    """The value as JSON.

    Args:
        value: one of which `can_encode` holds.
        plan: of the run.
        name_of: the name of each chunk that the value holds; those of arms are ids from the beginning.

    >>> plan = QueryPlan.of("How long is it?")
    >>> encoded(Rankings(plan, ()), plan, lambda chunk: chunk.id)
    {'type': 'Rankings', 'plan': None, 'arms': []}
    """
    kind = type(value)
    carried = value if isinstance(value, QueryPlan) else value.plan
    same = carried is plan or carried == plan
    row = {"type": kind.__name__, "plan": None if same else _plan_json(carried)}
    return {**row, **_ENCODERS[kind](value, name_of)}


def decoded(row: Json, plan: QueryPlan, chunks: Chunks) -> Value:
    """The value of a JSON that `encoded` gave.

    Args:
        row: the JSON.
        plan: of the run.
        chunks: by name, at least those of `names_in`.

    Raises:
        KeyError: a chunk is not there.
    """
    carried = plan if row["plan"] is None else _plan(row["plan"])
    value: Value = _DECODERS[row["type"]](row, carried, chunks)
    return value


def names_in(row: Json) -> list[str]:
    """The names of the chunks that a value is made with."""
    if row["type"] == "Answer":
        return list(row["context"][1]["chunks"]) if row["context"] is not None else []
    return list(row.get("hits", {}).get("chunks", ()))


# --- chunks ---------------------------------------------------------------------------------------


def chunk_json(chunk: Chunk) -> Json:
    """A chunk as JSON."""
    return [
        chunk.id,
        chunk.document_id,
        [chunk.span.start, chunk.span.end],
        chunk.text,
        chunk.ordinal,
        chunk.uri,
        chunk.headings,
        chunk.page,
        chunk.lang,
        dict(chunk.metadata),
        chunk.tenant,
        chunk.acl,
        chunk.page_starts,
    ]


def chunk_of(row: Json) -> Chunk:
    """The chunk of a JSON."""
    id_, document_id, span, text, ordinal, uri, headings, page, lang, metadata, tenant, acl, starts = row
    return Chunk(
        id_,
        document_id,
        span=Span(*span),
        text=text,
        ordinal=ordinal,
        uri=uri,
        headings=tuple(headings),
        page=page,
        lang=lang,
        metadata=metadata,
        tenant=tenant,
        acl=tuple(acl),
        page_starts=tuple(starts),
    )


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
        "found": [plan.standalone, plan.intent, plan.route],
    }


def _plan(row: Json) -> QueryPlan:
    standalone, intent, route = row["found"]
    return QueryPlan(
        row["question"],
        queries=tuple(Query(id_, text, weight=weight) for id_, text, weight in row["queries"]),
        filter=None if row["filter"] is None else _filter(row["filter"]),
        tenant=row["tenant"],
        acl=None if row["acl"] is None else tuple(row["acl"]),
        history=tuple(Turn(role, text) for role, text in row["history"]),
        commit=row["commit"],
        standalone=standalone,
        intent=intent,
        route=route,
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
        "ids": b"".join(arm.hits.ids.tolist()).decode(),
        "scores": _bytes_json(arm.hits.scores),
        "ceiling": float(arm.hits.ceiling),
        "trust": float(arm.trust),
        "floor": float(arm.floor),
    }


def _rankings(row: Json, plan: QueryPlan) -> Rankings:
    return Rankings(plan, tuple(_arm(arm) for arm in row["arms"]))


def _arm(row: Json) -> ArmRanking:
    id_, text, weight = row["query"]
    return ArmRanking(
        Query(id_, text, weight=weight),
        retriever=row["retriever"],
        hits=HitBatch(
            np.frombuffer(row["ids"].encode(), f"S{ID_BYTES}"),
            _array(row["scores"], np.float32),
            row["ceiling"],
        ),
        trust=row["trust"],
        floor=row["floor"],
    )


def _ranking_json(ranking: Ranking, name_of: NameOf) -> Json:
    return {"hits": _hits_json(ranking.hits, name_of), "degraded": list(ranking.degraded)}


def _ranking(row: Json, plan: QueryPlan, chunks: Chunks) -> Ranking:
    return Ranking(plan, _hits(row["hits"], chunks), degraded=tuple(row["degraded"]))


def _hits_json(hits: Sequence[Hit], name_of: NameOf) -> Json:
    """Chunks, scores, and what each stage said: by stage a row of numbers, and of which hits it said one."""
    stages = dict.fromkeys(stage for hit in hits for stage in hit.scores)
    said: dict[str, Json] = {}
    for stage in stages:
        of = [hit.scores[stage] for hit in hits if stage in hit.scores]
        which = None if len(of) == len(hits) else [n for n, hit in enumerate(hits) if stage in hit.scores]
        said[stage] = [which, _bytes_json(np.array(of, dtype=np.float64))]
    return {
        "chunks": [name_of(hit.chunk) for hit in hits],
        "scores": _bytes_json(np.array([hit.score for hit in hits], dtype=np.float64)),
        "said": said,
    }


def _hits(row: Json, chunks: Chunks) -> tuple[Hit, ...]:
    names, scores = row["chunks"], _array(row["scores"], np.float64).tolist()
    said: list[dict[str, float]] = [{} for _ in names]
    for stage, (which, numbers) in row["said"].items():
        values = _array(numbers, np.float64).tolist()
        for n, value in zip(range(len(names)) if which is None else which, values, strict=True):
            said[n][stage] = value
    return tuple(
        Hit(chunks[name], score, scores=parts) for name, score, parts in zip(names, scores, said, strict=True)
    )


def _context_json(context: Context, name_of: NameOf) -> Json:
    return {
        "hits": _hits_json([passage.hit for passage in context.passages], name_of),
        "keep": [[[span.start, span.end] for span in passage.keep] for passage in context.passages],
    }


def _context(row: Json, plan: QueryPlan, chunks: Chunks) -> Context:
    return Context(plan, _passages(row["hits"], row["keep"], chunks))


def _passages(hits: Json, keep: Json, chunks: Chunks) -> tuple[Passage, ...]:
    return tuple(
        Passage(hit, tuple(Span(*span) for span in spans))
        for hit, spans in zip(_hits(hits, chunks), keep, strict=True)
    )


def _bytes_json(numbers: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def _array(text: str, dtype: type[Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype)


# --- answers --------------------------------------------------------------------------------------


def _answer_json(answer: Answer, name_of: NameOf) -> Json:
    context = answer.context
    read: Json = None
    if context is not None:
        other = None if context.plan == answer.plan else _plan_json(context.plan)
        made = _context_json(context, name_of)
        read = [other, made["hits"], made["keep"]]
    return {
        "text": answer.text,
        "sentences": [_sentence_json(s) for s in answer.sentences],
        "context": read,
        "abstained": answer.abstained,
        "reason": answer.reason,
        "dropped": [_sentence_json(s) for s in answer.dropped],
        "degraded": list(answer.degraded),
        "usage": asdict(answer.usage),
        "generator": answer.generator,
        "trace_id": answer.trace_id,
        **({"confidence": answer.confidence} if answer.confidence is not None else {}),
        **({"short": asdict(answer.short)} if answer.short is not None else {}),
        **({"correction": _correction_json(answer.correction)} if answer.correction else {}),
    }


def _answer(row: Json, plan: QueryPlan, chunks: Chunks) -> Answer:
    context = None
    if row["context"] is not None:
        other, hits, keep = row["context"]
        context = Context(plan if other is None else _plan(other), _passages(hits, keep, chunks))
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
        confidence=row.get("confidence"),
        short=Citation(**row["short"]) if "short" in row else None,
        correction=_correction(row["correction"]) if "correction" in row else None,
    )


def _correction_json(correction: Correction) -> Json:
    return [correction.draft, [_sentence_json(s) for s in correction.refused]]


def _correction(row: Json) -> Correction:
    return Correction(row[0], refused=tuple(map(_sentence, row[1])))


def _sentence_json(sentence: Sentence) -> Json:
    problems = [list(sentence.problems)] if sentence.problems else []
    return [sentence.text, [asdict(citation) for citation in sentence.citations], *problems]


def _sentence(row: Json) -> Sentence:
    problems = tuple(row[2]) if len(row) > 2 else ()
    return Sentence(row[0], citations=tuple(Citation(**c) for c in row[1]), problems=problems)


_ENCODERS: dict[type, Callable[[Any, NameOf], Json]] = {
    QueryPlan: lambda _, __: {},
    Rankings: lambda rankings, _: _rankings_json(rankings),
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
