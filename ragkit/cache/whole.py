"""Which answers may be given again, and how much memory one takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from ragkit.types import Answer, Chunk, Citation, Sentence

# The documents alone decide these. What was written and did not hold may well hold at the next attempt.
_LASTING: Final = frozenset({"no_evidence", "no_documents", "conflicting", "out_of_scope"})
# An object with its slots, beside the texts it holds.
_OBJECT_BYTES = 200


def is_whole(answer: Answer) -> bool:
    """Whether an answer is all that a run would give: nothing failed, nothing was cut or left out.

    An abstention is whole where the documents are the reason for it.

    >>> from ragkit.types import QueryPlan
    >>> made = Answer(QueryPlan.of("?"), text="Two years. [1]")
    >>> is_whole(made), is_whole(made.with_(degraded=("rerank",)))
    (True, False)
    """
    if answer.degraded or answer.cached or answer.correction is not None:
        return False
    return not answer.abstained or answer.reason in _LASTING


def size_of(answer: Answer) -> int:
    """About how many bytes an answer takes, with its passages."""
    return sum(_OBJECT_BYTES + sum(map(sys.getsizeof, texts)) for texts in _texts(answer))


def _texts(answer: Answer) -> Iterator[tuple[str, ...]]:
    """For each object of an answer the texts it holds."""
    yield (answer.text, answer.question, *(query.text for query in answer.plan.queries))
    yield from ((turn.text,) for turn in answer.plan.history)
    for sentence in (*answer.sentences, *answer.dropped):
        yield from _sentence_texts(sentence)
    if answer.context is not None:
        for passage in answer.context.passages:
            yield _chunk_texts(passage.chunk)


def _sentence_texts(sentence: Sentence) -> Iterator[tuple[str, ...]]:
    yield (sentence.text, *sentence.problems)
    yield from map(_citation_texts, sentence.citations)


def _citation_texts(citation: Citation) -> tuple[str, ...]:
    return (citation.quote, citation.uri or "", citation.heading)


def _chunk_texts(chunk: Chunk) -> tuple[str, ...]:
    metadata: Mapping[str, object] = chunk.metadata
    return (chunk.text, *chunk.headings, *(f"{key}{value}" for key, value in metadata.items()))
