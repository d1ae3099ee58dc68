"""Sentences of a context, of which some are kept: their exact spans, in reading order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit.protocols import Collection
from ragkit.text.relevance import kept_sentences
from ragkit.text.spans import merge
from ragkit.types import Context, Passage, ReadSentence, Span


@dataclass(frozen=True, slots=True)
class ContextSentence:
    """A sentence, and the number of the passage that it stands in, from 0."""

    passage: int
    read: ReadSentence


def sentences_of(context: Context, collection: Collection) -> list[ContextSentence]:
    """All that is kept of a context, sentence by sentence, in reading order."""
    return [
        ContextSentence(n, sentence)
        for n, passage in enumerate(context.passages)
        for sentence in kept_sentences(passage, collection)
    ]


def tokens_of(sentences: Iterable[ContextSentence]) -> int:
    """About how many tokens they have together."""
    return sum(sentence.read.n_tokens for sentence in sentences)


def within(budget: int, sentences: Iterable[ContextSentence]) -> list[ContextSentence]:
    """Those that fit into so many tokens, in the order in which they are given.

    The first one is kept whether it fits or not; one that is too long for what is left is passed over.
    """
    kept: list[ContextSentence] = []
    left = budget
    for sentence in sentences:
        if sentence.read.n_tokens <= left or not kept:
            kept.append(sentence)
            left -= sentence.read.n_tokens
    return kept


def only(context: Context, kept: Sequence[ContextSentence]) -> Context:
    """The context with these of its sentences alone, whatever order they are given in.

    A passage of which nothing is kept disappears; neighbouring sentences are one span.
    """
    spans: dict[int, list[Span]] = defaultdict(list)
    for sentence in sorted(kept, key=lambda s: s.read.span):
        spans[sentence.passage].append(sentence.read.span)
    passages = tuple(
        Passage(passage.hit, tuple(_joined(passage, spans[n])))
        for n, passage in enumerate(context.passages)
        if n in spans
    )
    return Context(context.plan, passages)


def _joined(passage: Passage, spans: list[Span]) -> list[Span]:
    """Neighbouring sentences as one span: what lies between them is blank."""
    base, text = passage.chunk.span.start, passage.chunk.text
    bridged = [
        Span(a.end, b.start)
        for a, b in pairwise(spans)
        if a.end <= b.start and not text[a.end - base : b.start - base].strip()
    ]
    return merge([*spans, *bridged])
