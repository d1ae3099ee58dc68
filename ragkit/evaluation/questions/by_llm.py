"""Questions that a chat model writes of one passage at a time; kept is what the passage bears out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import anyio

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import EvalError, ModelAuthError, ModelError
from ragkit.evaluation.questions.draft import Draft
from ragkit.evaluation.questions.material import Material
from ragkit.evaluation.rows import shortened
from ragkit.text.spans import find_quote
from ragkit.types import Chunk, Span

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                "required": ["question", "answer"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["questions"],
    "additionalProperties": False,
}
_PER_PASSAGE = 2
_SPARE = 2.0  # drafts for each question that is wanted: some are sifted out
_LEAST_CHARS, _MOST_CHARS = 200, 6000
_LONGEST_ANSWER = 300
_MOST_FAILED = 0.5
_POINTS_AT_TEXT = re.compile(
    r"\b(?:passage|excerpt|the text|above|below|фрагмент\w*|в тексте|выше|ниже|данн(?:ый|ом|ого) текст\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote.

    Args:
        drafts: what was kept, by document.
        refused: why the rest was not, and how often.
        replies: what was answered, for tokens and cost.
        failed: the errors of calls that gave nothing.
    """

    drafts: Mapping[str, list[Draft]] = field(kw_only=True)
    refused: Mapping[str, int] = field(kw_only=True)
    replies: tuple[Completion, ...] = field(kw_only=True, repr=False)
    failed: tuple[str, ...] = field(kw_only=True)


async def write_drafts(
    material: Material,
    model: ChatModel,
    n: int,
    *,
    concurrency: int = 4,
    progress: Callable[[int, int, str], None] | None = None,
) -> Written:
    """Asks a model for about twice `n` questions, evenly over the documents.

    Raises:
        ModelAuthError: the model refuses the key.
        EvalError: half of the calls or more failed.
    """
    chunks = _spread(material, round(n * _SPARE / _PER_PASSAGE))
    limit, done = anyio.CapacityLimiter(concurrency), 0
    replies: dict[str, Completion] = {}
    failed: dict[str, str] = {}

    async def write(chunk: Chunk) -> None:
        nonlocal done
        async with limit:
            try:
                replies[chunk.id] = await model.complete(
                    _messages(chunk), max_tokens=600, temperature=0.0, schema=SCHEMA
                )
            except ModelAuthError:
                raise
            except ModelError as e:
                failed[chunk.id] = f"{type(e).__name__}: {e}"
            done += 1
            if progress is not None:
                progress(done, len(chunks), chunk.document_id)

    try:
        async with anyio.create_task_group() as group:
            for chunk in chunks:
                group.start_soon(write, chunk)
    except BaseExceptionGroup as e:
        raise e.exceptions[0] from None
    if chunks and len(failed) >= _MOST_FAILED * len(chunks):
        first = next(iter(failed.values()))
        raise EvalError(f"{model.name}: {len(failed)} of {len(chunks)} calls failed: {first}")
    refused: Counter[str] = Counter()
    drafts: dict[str, list[Draft]] = {}
    for chunk in chunks:
        if chunk.id in replies:
            for draft in read_drafts(replies[chunk.id].text, chunk, material, refused):
                drafts.setdefault(chunk.document_id, []).append(draft)
    return Written(
        drafts=drafts, refused=refused, replies=tuple(replies.values()), failed=tuple(failed.values())
    )


def read_drafts(reply: str, chunk: Chunk, material: Material, refused: Counter[str]) -> list[Draft]:
    """The questions of a reply whose answers stand in the passage.

    Args:
        reply: what the model wrote.
        chunk: the passage it was asked about.
        material: the documents.
        refused: where the reasons of what is left out are counted.
    """
    try:
        start, end = reply.index("{"), reply.rindex("}") + 1
        pairs = json.loads(reply[start:end])["questions"]
        asked = [(str(pair["question"]).strip(), str(pair["answer"]).strip()) for pair in pairs]
    except (ValueError, KeyError, TypeError, RecursionError):
        refused["not the JSON that was asked for"] += 1
        return []
    document = material.document(chunk.document_id)
    drafts = []
    for question, answer in asked[: 2 * _PER_PASSAGE]:
        place = find_quote(chunk.text, answer) if len(answer) <= _LONGEST_ANSWER else None
        reason = _unfit(question, answer, place)
        if reason or place is None:
            refused[reason] += 1
            continue
        words = place.of(chunk.text)
        drafts.append(
            Draft(
                "llm",
                " ".join(question.split()),
                document_id=document.id,
                span=place.shift(chunk.span.start),
                lang=chunk.lang,
                answers=tuple(dict.fromkeys((answer, words))),
            )
        )
    return drafts


def _unfit(question: str, answer: str, place: Span | None) -> str:
    if not question.endswith("?") or not 3 <= len(question.split()) <= 40:
        return "no question"
    if not answer or place is None:
        return "the answer does not stand in the passage"
    if len(answer) > 3 and answer.lower() in question.lower():
        return "the question tells its answer"
    return "the question points at the passage" if _POINTS_AT_TEXT.search(question) else ""


def _messages(chunk: Chunk) -> Sequence[Message]:
    name = "ru" if chunk.lang == "ru" else "en"
    template = (
        files("ragkit.evaluation.questions").joinpath(f"prompts/{name}.txt").read_text(encoding="utf-8")
    )
    passage = chunk.text[:_MOST_CHARS].replace("</passage>", "< /passage>")
    prompt = template.format(n=_PER_PASSAGE, title=chunk.heading or chunk.document_id, passage=passage)
    return (Message("user", prompt),)


def _spread(material: Material, n: int) -> list[Chunk]:
    """The longest passages first of each document, then the second of each."""
    by_document = [
        sorted((c for c in chunks if len(c.text) >= _LEAST_CHARS), key=lambda c: (-len(c.text), c.ordinal))
        for chunks in material.chunks.values()
    ]
    longest = max(map(len, by_document), default=0)
    spread = [some[turn] for turn in range(longest) for some in by_document if turn < len(some)]
    return spread[: max(1, n)]


def bill(written: Written) -> str:
    """What it took, in a line."""
    tokens = sum((r.input_tokens or 0) + (r.output_tokens or 0) for r in written.replies)
    usd = [r.usd for r in written.replies if r.usd is not None]
    cost = f", {sum(usd):.4f} USD" if usd else ""
    left_out = ", ".join(f"{n} × {shortened(reason)[1:-1]}" for reason, n in sorted(written.refused.items()))
    kept = sum(map(len, written.drafts.values()))
    return (
        f"{len(written.replies)} replies, {len(written.failed)} failed calls, {tokens:,} tokens{cost}; "
        f"{kept} questions kept{'; left out: ' + left_out if left_out else ''}"
    )
