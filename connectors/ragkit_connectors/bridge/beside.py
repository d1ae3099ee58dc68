"""Stages of ragkit on passages that another library holds: compression, and the check of citations.

A passage that names a document and a place of our collection is compared with it first: one whose text is
another is refused, so that no citation of it can point to what is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit import registry
from ragkit.errors import QueryError
from ragkit.graph.stage import RunContext, Stage
from ragkit.graph.sync import run_sync
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.types import Answer, Chunk, Context, Hit, Passage, QueryPlan, Span
from ragkit_connectors.bridge.reader import Reader


@dataclass(frozen=True, slots=True)
class Held:
    """A passage as another library holds it."""

    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    id: str | None = field(default=None, kw_only=True)


class Beside:
    """One stage that runs beside a graph, over the models and the collection of a RAG.

    Args:
        rag: whose.
        use: the stage's registered name.
        settings: its settings.
        reader: for whom.

    Example:
        Beside(rag, "compress/extractive", {"budget_tokens": 600}, Reader()).context(passages, "How long?")
    """

    def __init__(self, rag: Any, use: str, settings: Mapping[str, Any], reader: Reader) -> None:
        self._rag, self._reader = rag, reader
        self._stage: Stage[Any, Any] = registry.load(use)(**settings)
        self._is_set_up = False

    def answer(self, text: str, passages: Sequence[Held], question: str) -> Answer:
        """A text with markers that count these passages from 1, as the stage leaves it.

        Raises:
            QueryError: a passage says that it stands where the collection has another text.
        """
        context, ids = self._context(passages, question)
        answer: Answer = self._run(Answer(context.plan, text=text, context=context))
        named = [
            replace(s, citations=tuple(replace(c, chunk_id=ids[c.chunk_id]) for c in s.citations))
            for s in answer.sentences
        ]
        return answer.with_(sentences=tuple(named))

    def context(self, passages: Sequence[Held], question: str) -> list[tuple[int, Passage]]:
        """What the stage leaves of these passages, each with its place among them."""
        context, ids = self._context(passages, question)
        order = {id_: i for i, id_ in enumerate(ids)}
        left: Context = self._run(context)
        return [(order[passage.chunk.id], passage) for passage in left.passages]

    def _run(self, value: Any) -> Any:
        resources: Resources = self._rag.resources
        if not self._is_set_up:
            self._stage.setup(resources)
            self._is_set_up = True
        given = self._stage.run(value, RunContext(NodeTrace(self._stage.use, self._stage.use)))
        return run_sync(given) if hasattr(given, "__await__") else given  # type: ignore[arg-type]

    def _context(self, passages: Sequence[Held], question: str) -> tuple[Context, dict[str, str]]:
        """The context, and the library's id of each passage by the id that it has in there."""
        plan = QueryPlan.of(question, tenant=self._reader.tenant, acl=self._reader.acl)
        made = [self._passage(held, n) for n, held in enumerate(passages, 1)]
        ids = {
            passage.chunk.id: str(held.metadata.get("id") or held.id or passage.chunk.id)
            for passage, held in zip(made, passages, strict=True)
        }
        return Context(plan, tuple(made)), ids

    def _passage(self, held: Held, n: int) -> Passage:
        told = held.metadata
        document, start, text = self._place(held)
        spans = told.get("keep") if document is not None else None
        keep = tuple(Span(*span) for span in spans) if spans else (Span(start, start + len(text)),)
        # Its own id, for what is remembered of a chunk is remembered by its id.
        key = hashlib.sha256(f"{n}\0{document}\0{start}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        name = str(document or held.id or told.get("source") or f"passage {n}")
        heading, page = told.get("heading"), told.get("page")
        chunk = Chunk(
            key[:32],
            name,
            span=Span(start, start + len(text)),
            text=text,
            ordinal=n,
            uri=_text(told.get("uri", told.get("source"))),
            headings=(heading,) if isinstance(heading, str) else (),
            page=page if isinstance(page, int) else None,
            lang=_text(told.get("lang")) or "und",
            tenant=self._reader.tenant or "",
        )
        score = told.get("score")
        return Passage(Hit(chunk, float(score) if isinstance(score, int | float) else 0.0), keep)

    def _place(self, held: Held) -> tuple[str | None, int, str]:
        """The document that a passage stands in, where it starts there, and its text, uncut.

        Where the passage names no place, or one of a document that is not ours and that does not fit its
        text, there is no document, and its place is in its own text.
        """
        told, text = held.metadata, held.text
        document, spans = told.get("document_id"), told.get("keep")
        start = _whole(told.get("start", told.get("start_index", 0)))
        if not isinstance(document, str) or "end" not in told:
            return (document if isinstance(document, str) else None), start, text
        span = Span(start, max(start, _whole(told["end"])))
        try:
            source: str = self._rag.source(document, tenant=self._reader.tenant, acl=self._reader.acl)
        except QueryError:
            return (document, start, text) if not spans and len(span) == len(text) else (None, 0, text)
        whole = span.of(source)
        kept = " … ".join(Span(*s).of(source).strip() for s in spans) if spans else whole
        if kept == text:
            return document, start, whole
        # It may have been cut to a part of the place that it names.
        if not spans and text.strip() and text in whole:
            return document, start + whole.index(text), text
        raise QueryError(
            f"a passage says that it stands in {document!r} from {span.start} to {span.end}, where the "
            "document has another text. Retrieve it again: the document may have changed since"
        )


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
