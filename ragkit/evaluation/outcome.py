"""What a pipeline made of one question: what each node found, the answer, or the error.

An outcome holds no time: the same pipeline gives the same outcome again. How long it took is a `Timing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ragkit.types import AbstainReason, Citation, Sentence, Span


@dataclass(frozen=True, slots=True)
class Place:
    """A passage that a node gave.

    Args:
        chunk_id: its chunk.
        document_id: the document that the chunk was cut from.
        spans: what of the document is kept, in characters of its canonical text, in order and disjoint: the
            whole chunk, or what compression left of it.
        score: the node's score; None where it gives none.

    >>> Place("c1", "a.md", spans=(Span(0, 10),), score=0.5).document_id
    'a.md'
    """

    chunk_id: str
    document_id: str
    spans: tuple[Span, ...] = field(kw_only=True)
    score: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Found:
    """What one node gave for a question, best first.

    Args:
        node: the node's name in the graph.
        use: its registered name, `retrieve/dense`.
        kind: `arm` is one retriever's ranking for one query, before fusion; `context` is what a generator
            reads.
        places: best first.
        query: for an arm, the text it searched with.

    >>> Found("dense", "retrieve/dense", kind="arm", places=()).kind
    'arm'
    """

    node: str
    use: str
    kind: Literal["arm", "ranking", "context"] = field(kw_only=True)
    places: tuple[Place, ...] = field(kw_only=True)
    query: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a pipeline: `Answer` without its plan, context, times and trace.

    >>> Reply("Two years. [1]").abstained
    False
    """

    text: str
    sentences: tuple[Sentence, ...] = field(default=(), kw_only=True)
    dropped: tuple[Sentence, ...] = field(default=(), kw_only=True)
    abstained: bool = field(default=False, kw_only=True)
    reason: AbstainReason | None = field(default=None, kw_only=True)
    generator: str = field(default="", kw_only=True)
    confidence: float | None = field(default=None, kw_only=True)
    short: Citation | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a pipeline made of one question.

    Either `error` says what went wrong, and then there is nothing else, or the pipeline came to its end.

    Args:
        question_id: the question's id in its dataset.
        found: by node in the order of the graph; an arm comes once for each query that it searched with.
        reply: None where the pipeline only retrieves.
        degraded: the stages that failed and were done without.
        error: `TypeName: message` of what was raised.
        input_tokens, output_tokens, usd: what language models were given and took; None where unknown.

    >>> found = Found("fuse", "fuse/rrf", kind="ranking", places=(Place("c1", "a.md", spans=(Span(0, 9),)),))
    >>> Outcome("q1", found=(found,)).ranked
    ('a.md',)
    """

    question_id: str
    found: tuple[Found, ...] = field(default=(), kw_only=True)
    reply: Reply | None = field(default=None, kw_only=True)
    degraded: tuple[str, ...] = field(default=(), kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    input_tokens: int | None = field(default=None, kw_only=True)
    output_tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)

    @property
    def ranking(self) -> tuple[Place, ...]:
        """The passages of the last node that ranks, best first; of the only arm where nothing ranks."""
        kinds = [found for found in self.found if found.kind == "ranking"] or list(self.found)
        return kinds[-1].places if kinds else ()

    @property
    def ranked(self) -> tuple[str, ...]:
        """The documents of `ranking`, each where its first passage stands."""
        return tuple(dict.fromkeys(place.document_id for place in self.ranking))

    @property
    def context(self) -> tuple[Place, ...]:
        """What the generator read; the ranking where no node makes a context."""
        contexts = [found for found in self.found if found.kind == "context"]
        return contexts[-1].places if contexts else self.ranking


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a question took, asked alone: in all and by node, in seconds."""

    question_id: str
    seconds: float
    nodes: Mapping[str, float] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class StageRuns:
    """How often a node's stage was run over a set of questions, and how often its value was in the cache.

    >>> StageRuns(3, cached=7).share_cached
    0.7
    """

    executed: int = 0
    cached: int = field(default=0, kw_only=True)

    @property
    def share_cached(self) -> float:
        """The hits of the cache among all; 0 where there was nothing to do."""
        return self.cached / (self.executed + self.cached) if self.cached else 0.0
