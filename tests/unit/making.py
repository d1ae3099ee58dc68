"""Values for tests, with only what the test is about spelled out."""

from __future__ import annotations

from ragkit.arrays import HitBatch
from ragkit.graph.stage import RunContext
from ragkit.graph.trace import NodeTrace
from ragkit.types import ArmRanking, Chunk, Context, Hit, Query, QueryPlan, Ranking, Span


def chunk(key: str, text: str, *, start: int = 0, document_id: str = "doc", heading: str = "") -> Chunk:
    """A chunk whose id is `key` repeated to 32 characters, as if cut from its document at `start`."""
    return Chunk(
        (key * 32)[:32],
        document_id,
        span=Span(start, start + len(text)),
        text=text,
        ordinal=0,
        uri=f"{document_id}.md",
        headings=(heading,) if heading else (),
        lang="en",
    )


def ranking(question: str, *chunks: Chunk) -> Ranking:
    """The chunks as hits, with falling scores."""
    hits = tuple(Hit(c, 1.0 - 0.1 * n) for n, c in enumerate(chunks))
    return Ranking(QueryPlan.of(question), hits)


def context(question: str, *chunks: Chunk) -> Context:
    """The chunks as whole passages."""
    return Context.of(ranking(question, *chunks))


def arm(retriever: str, *pairs: tuple[str, float], trust: float = 1.0, floor: float = 0.0) -> ArmRanking:
    """What a retriever found: `(key, score)` pairs, keys as in `chunk`."""
    hits = HitBatch.of([((key * 32)[:32], score) for key, score in pairs])
    return ArmRanking(Query("q", "?"), retriever=retriever, hits=hits, trust=trust, floor=floor)


def run_context() -> RunContext:
    """A context as the runner gives it to a stage."""
    return RunContext(NodeTrace("node", "test/node"))
