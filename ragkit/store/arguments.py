"""What a read is asked with, refused with a word on it before any I/O where no store could take it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ragkit.errors import QueryError
from ragkit.fields import shown
from ragkit.protocols import Vectors
from ragkit.types import Turn

MAX_QUESTION_CHARS, MAX_K = 32_768, 10_000


def checked_question(question: str) -> str:
    """The question, as it can be encoded for a model or a store: half a surrogate pair becomes `?`.

    Raises:
        QueryError: it is no text, blank, or longer than 32,768 characters.
    """
    if not isinstance(question, str) or not question.strip():
        raise QueryError(f"the question is empty: expected a text of 1 to {MAX_QUESTION_CHARS:,} characters")
    if len(question) > MAX_QUESTION_CHARS:
        raise QueryError(
            f"the question has {len(question):,} characters: expected at most {MAX_QUESTION_CHARS:,}. "
            "Ingest long texts as documents and ask about them"
        )
    return question.encode("utf-8", "replace").decode("utf-8")


def check_depth(k: int) -> None:
    """Refuses what no ranking is asked for in one go.

    Raises:
        QueryError: `k` is not a whole number from 1 to 10,000.
    """
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MAX_K:
        raise QueryError(f"k={shown(k)}: expected a whole number from 1 to {MAX_K}")


def check_k(k: int) -> None:
    """Refuses what is no number of hits.

    Raises:
        QueryError: `k` is not a whole number of at least 1.
    """
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise QueryError(f"k={shown(k)}: expected a whole number, at least 1")


def check_texts(texts: Sequence[str], what: str) -> None:
    """Refuses what is no list of texts, one text alone included, for it would be read letter by letter.

    Raises:
        QueryError: `texts` is something else.
    """
    is_list = isinstance(texts, list | tuple | np.ndarray | Sequence) and not isinstance(texts, str)
    if not (is_list and all(isinstance(text, str) for text in texts)):
        raise QueryError(f"{what}={shown(texts)}: expected a list of texts")


def check_vectors(vectors: Vectors, n: int, dimension: int) -> None:
    """Refuses what is not one vector for each text.

    Raises:
        QueryError: `vectors` is no array of numbers of shape `[n, dimension]`.
    """
    if not isinstance(vectors, np.ndarray) or vectors.shape != (n, dimension) or vectors.dtype.kind != "f":
        is_array = isinstance(vectors, np.ndarray)
        given = f"{vectors.dtype} of shape {list(vectors.shape)}" if is_array else shown(vectors)
        raise QueryError(f"vectors: {given}: expected an array of floats of shape [{n}, {dimension}]")


def checked_history(history: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns of a conversation.

    Raises:
        QueryError: it is something else.
    """
    try:
        turns = tuple(history)
    except TypeError:
        turns = None
    if turns is None or not all(isinstance(turn, Turn) and isinstance(turn.text, str) for turn in turns):
        raise QueryError(
            f"history={shown(history)}: expected a list of ragkit.Turn, for example "
            "[Turn('user', 'How long is the warranty?')]"
        )
    return turns
