"""A passage read once: its sentences with all that judging them takes."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.text.asking import states_number
from ragkit.text.sentences import sentence_spans
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, ReadSentence, Span

Terms = Callable[[str], list[str]]


def read(chunk: Chunk, terms: Terms) -> tuple[ReadSentence, ...]:
    """The sentences of a chunk, in reading order, together holding every visible character.

    Args:
        chunk: what to read.
        terms: gives the analysed words of a text, as the collection indexes them.
    """
    return tuple(
        _sentence(span.shift(chunk.span.start), span.of(chunk.text), terms)
        for span in sentence_spans(chunk.text, chunk.lang)
    )


def _sentence(span: Span, text: str, terms: Terms) -> ReadSentence:
    letters = sum(map(str.isalpha, text)) + sum(map(str.isspace, text))
    return ReadSentence(
        span,
        text=text,
        terms=frozenset(terms(text)),
        n_tokens=count_tokens(text),
        letter_share=letters / len(text),
        has_number=states_number(text),
    )
