"""Outcomes and timings as lines of JSON: one line each, the same line for the same value.

    {"id": "q1", "chunks": {CHUNK ID: [document id, start, end]}, "found": [FOUND, ...], "reply": REPLY, ...}
    FOUND     {"node", "use", "kind", "query"?, "places": [PLACE, ...]}
    PLACE     [chunk id, score or null], and [[start, end], ...] where that is not all of the chunk
    REPLY     {"text", "sentences": [SENTENCE, ...], "dropped"?, "abstained"?, "reason"?, "generator"?,
              "confidence"?, "short"?: CITATION}
    SENTENCE  {"text", "citations": [CITATION, ...]}
    CITATION  {"marker", "document_id", "start", "end", "quote", "chunk_id", "support", "uri"?, "page"?,
              "heading"?}

What has its default is left out. Texts are as they are, in UTF-8; half a surrogate pair is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply, Timing
from ragkit.types import Citation, Sentence, Span

Json = dict[str, Any]
Made = TypeVar("Made")
# The document of a chunk, and what of it the first node that found it kept.
_Chunk = tuple[str, tuple[Span, ...]]


def outcome_line(outcome: Outcome) -> str:
    r"""The outcome as a line, with its end.

    >>> outcome_line(Outcome("q1", error="StoreError: down"))
    '{"id": "q1", "error": "StoreError: down"}\n'
    """
    return _line(_outcome_json(outcome))


def outcome_of(line: str | bytes) -> Outcome:
    """The outcome of a line.

    Raises:
        EvalError: it is no such line.

    >>> outcome_of('{"id": "q1", "error": "StoreError: down"}').error
    'StoreError: down'
    """
    return _read(line, _outcome, "an outcome")


def timing_line(timing: Timing) -> str:
    r"""The timing as a line, with its end.

    >>> timing_line(Timing("q1", 0.25, nodes={"dense": 0.1}))
    '{"id": "q1", "seconds": 0.25, "nodes": {"dense": 0.1}}\n'
    """
    return _line({"id": timing.question_id, "seconds": timing.seconds, "nodes": dict(timing.nodes)})


def timing_of(line: str | bytes) -> Timing:
    """The timing of a line.

    Raises:
        EvalError: it is no such line.

    >>> timing_of('{"id": "q1", "seconds": 0.25, "nodes": {}}').seconds
    0.25
    """
    return _read(line, lambda row: Timing(row["id"], row["seconds"], nodes=row["nodes"]), "a timing")


# --- writing --------------------------------------------------------------------------------------


def _line(row: Json) -> str:
    text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_number)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(row, allow_nan=False, default=_number)
    return f"{text}\n"


def _number(value: Any) -> Any:
    """A number of numpy's, which a stage may give, as one of Python's."""
    return value.item()


def _outcome_json(outcome: Outcome) -> Json:
    row: Json = {"id": outcome.question_id}
    if outcome.found:
        chunks: dict[str, _Chunk] = {}
        found = [_found_json(one, chunks) for one in outcome.found]
        row["chunks"] = {
            id_: [document, *(edge for span in spans for edge in (span.start, span.end))]
            for id_, (document, spans) in chunks.items()
        }
        row["found"] = found
    if outcome.reply is not None:
        row["reply"] = _reply_json(outcome.reply)
    if outcome.degraded:
        row["degraded"] = list(outcome.degraded)
    for key in ("error", "input_tokens", "output_tokens", "usd"):
        if (value := getattr(outcome, key)) is not None:
            row[key] = value
    return row


def _found_json(found: Found, chunks: dict[str, _Chunk]) -> Json:
    row: Json = {"node": found.node, "use": found.use, "kind": found.kind}
    if found.query:
        row["query"] = found.query
    # Most are whole chunks that another node found as well.
    row["places"] = [
        [place.chunk_id, place.score]
        if chunks.get(place.chunk_id) == (place.document_id, place.spans)
        else _place_json(place, chunks)
        for place in found.places
    ]
    return row


def _place_json(place: Place, chunks: dict[str, _Chunk]) -> list[Any]:
    known = chunks.get(place.chunk_id)
    if known is None:
        known = chunks[place.chunk_id] = (place.document_id, place.spans)
    if known[1] == place.spans and known[0] == place.document_id:
        return [place.chunk_id, place.score]
    spans = [[span.start, span.end] for span in place.spans]
    if known[0] == place.document_id:
        return [place.chunk_id, place.score, spans]
    return [place.chunk_id, place.score, spans, place.document_id]


def _reply_json(reply: Reply) -> Json:
    row: Json = {"text": reply.text, "sentences": [_sentence_json(s) for s in reply.sentences]}
    if reply.dropped:
        row["dropped"] = [_sentence_json(s) for s in reply.dropped]
    if reply.abstained:
        row["abstained"] = True
    if reply.reason is not None:
        row["reason"] = reply.reason
    if reply.generator:
        row["generator"] = reply.generator
    if reply.confidence is not None:
        row["confidence"] = reply.confidence
    if reply.short is not None:
        row["short"] = _citation_json(reply.short)
    return row


def _sentence_json(sentence: Sentence) -> Json:
    return {"text": sentence.text, "citations": [_citation_json(c) for c in sentence.citations]}


def _citation_json(citation: Citation) -> Json:
    row = {field.name: getattr(citation, field.name) for field in fields(Citation)}
    return {
        key: value
        for key, value in row.items()
        if not (key in ("uri", "page") and value is None) and not (key == "heading" and not value)
    }


# --- reading --------------------------------------------------------------------------------------


def _read(line: str | bytes, make: Callable[[Json], Made], what: str) -> Made:
    try:
        return make(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        shown = line[:80] if isinstance(line, str) else line[:80].decode(errors="replace")
        raise EvalError(f"not {what} ({type(e).__name__}: {e}): {shown!r}") from e


def _outcome(row: Json) -> Outcome:
    chunks = {
        id_: (document, tuple(map(Span, edges[::2], edges[1::2])))
        for id_, (document, *edges) in row.get("chunks", {}).items()
    }
    return Outcome(
        row["id"],
        found=tuple(_found(found, chunks) for found in row.get("found", ())),
        reply=_reply(row["reply"]) if "reply" in row else None,
        degraded=tuple(row.get("degraded", ())),
        error=row.get("error"),
        input_tokens=row.get("input_tokens"),
        output_tokens=row.get("output_tokens"),
        usd=row.get("usd"),
    )


def _found(row: Json, chunks: Mapping[str, _Chunk]) -> Found:
    places = tuple(_place(chunks, *place) for place in row["places"])
    return Found(row["node"], row["use"], kind=row["kind"], places=places, query=row.get("query", ""))


def _place(
    chunks: Mapping[str, _Chunk],
    id_: str,
    score: float | None,
    spans: Sequence[tuple[int, int]] | None = None,
    document_id: str | None = None,
) -> Place:
    document, whole = chunks[id_]
    kept = whole if spans is None else tuple(Span(*span) for span in spans)
    return Place(id_, document if document_id is None else document_id, spans=kept, score=score)


def _reply(row: Json) -> Reply:
    return Reply(
        row["text"],
        sentences=tuple(map(_sentence, row["sentences"])),
        dropped=tuple(map(_sentence, row.get("dropped", ()))),
        abstained=row.get("abstained", False),
        reason=row.get("reason"),
        generator=row.get("generator", ""),
        confidence=row.get("confidence"),
        short=Citation(**row["short"]) if "short" in row else None,
    )


def _sentence(row: Mapping[str, Any]) -> Sentence:
    return Sentence(row["text"], citations=tuple(Citation(**c) for c in row["citations"]))
