"""Answers by what their question means: another wording of a question is given the answer that it had."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ragkit.cache.key import Key, plain
from ragkit.cache.same.compare import difference
from ragkit.cache.same.more import is_reworded
from ragkit.cache.served import Hit
from ragkit.cache.shelf import Kept, Shelf
from ragkit.config.cache import SemanticCacheSettings
from ragkit.errors import ModelError
from ragkit.protocols import TextKind, Vectors
from ragkit.text.language import detect_language
from ragkit.types import Answer

# Of the nearest questions so many are held against the one that is asked, and none that is farther from it
# than the nearest by more than this: where that one asks something else, so do mostly those behind it.
_LOOKED_AT, _BEHIND = 8, 0.02
# Where all words of weight are the same, the vectors need not be as near by so much.
_SAME_WORDS = 0.1
_FIRST_ROWS = 64


class Questions(Protocol):
    """What reads questions: a collection."""

    def knows(self, text: str) -> bool:
        """Whether the embedder covers the language of a text."""
        ...

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question as it is held against others: of the same reader, in the same language, near by its vector.

    `vector` has shape `[d]` and unit length.
    """

    question: str
    reader: Key
    language: str
    vector: Vectors


class SemanticCache:
    """Answers of one commit, found by the cosine of their questions and kept apart by reader.

    Near is not enough: `What is covered?` is near `What is not covered?`. What is near is therefore held
    against the question word by word (`ragkit.cache.same`); one difference that matters makes it another one.

    Args:
        settings: the section `cache.semantic`.
        clock: in seconds, never going back.

    Example:
        cache = SemanticCache(SemanticCacheSettings(threshold=0.9))
        asked = cache.read("How long is the warranty?", reader, collection)
        hit = cache.find(asked)
    """

    def __init__(
        self, settings: SemanticCacheSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = settings.threshold
        self._shelf = Shelf[_Entry](
            ttl_s=settings.ttl_s,
            max_entries=settings.max_entries,
            max_bytes=settings.max_bytes,
            clock=clock,
            dropped=self._freed,
        )
        # Row by row the questions that are kept; a row that is free has a key of nobody.
        self._keys: list[Key | None] = []
        self._vectors: Vectors | None = None
        self._row_of: dict[Key, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def n_bytes(self) -> int:
        """What the answers take, about."""
        return self._shelf.n_bytes

    def read(self, question: str, reader: Key, questions: Questions) -> Asked | None:
        """A question with its language and its vector; None where the embedder does not know the language.

        Args:
            reader: `reader_key` of its plan.
            questions: what embeds it.
        """
        text = plain(question)
        if not questions.knows(text):
            return None
        try:
            vector = questions.embed([text], "query")[0]
        except ModelError:
            # The run that follows meets it too, and says so.
            return None
        return Asked(text, reader, detect_language(text), vector)

    def find(self, asked: Asked) -> Hit | None:
        """The answer of the nearest question that asks the same; None where none does."""
        for cosine, kept in self._nearest(asked):
            if self._asks_the_same(asked, kept.value.asked, cosine):
                return Hit(kept.value.answer, "semantic", self._shelf.clock() - kept.since_s, cosine)
        return None

    def put(self, key: Key, asked: Asked, answer: Answer, *, n_bytes: int) -> None:
        """Keeps an answer for the wordings of its question."""
        with self._shelf.lock:
            total = n_bytes + asked.vector.nbytes + len(asked.question)
            if not self._shelf.put(key, _Entry(asked, answer), n_bytes=total):
                return
            row = self._row(len(asked.vector))
            self._keys[row], self._row_of[key] = key, row
            assert self._vectors is not None
            self._vectors[row] = asked.vector

    def clear(self) -> None:
        """Lets go of everything."""
        with self._shelf.lock:
            self._shelf.clear()
            self._keys, self._vectors, self._row_of, self._free = [], None, {}, []

    def _nearest(self, asked: Asked) -> list[tuple[float, Kept[_Entry]]]:
        """The nearest entries of the same reader with their cosines, nearest first."""
        with self._shelf.lock:
            if self._vectors is None:
                return []
            cosines = self._vectors @ asked.vector
            rows = np.flatnonzero(cosines >= self._threshold - _SAME_WORDS)
            found = []
            for row in rows[np.argsort(-cosines[rows], kind="stable")]:
                key = self._keys[row]
                kept = None if key is None else self._shelf.peek(key)
                if kept is not None and kept.value.asked.reader == asked.reader:
                    found.append((float(cosines[row]), kept))
                if len(found) == _LOOKED_AT:
                    break
        return [pair for pair in found if pair[0] >= found[0][0] - _BEHIND]

    def _asks_the_same(self, asked: Asked, other: Asked, cosine: float) -> bool:
        if other.reader != asked.reader or other.language != asked.language:
            return False
        if cosine < self._threshold and is_reworded(asked.question, other.question):
            return False
        return difference(asked.question, other.question) is None

    def _row(self, dimension: int) -> int:
        """A free row; twice as many are made where there is none."""
        if not self._free:
            have = len(self._keys)
            more = max(have, _FIRST_ROWS)
            grown = np.zeros((have + more, dimension), dtype=np.float32)
            if self._vectors is not None:
                grown[:have] = self._vectors
            self._vectors = grown
            self._keys += [None] * more
            self._free = list(range(have + more - 1, have - 1, -1))
        return self._free.pop()

    def _freed(self, key: Key) -> None:
        row = self._row_of.pop(key, None)
        if row is not None:
            self._keys[row] = None
            self._free.append(row)
            if self._vectors is not None:
                self._vectors[row] = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    asked: Asked
    answer: Answer
