"""Lessons as the token ids that a step takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ragkit.errors import ModelError
from ragkit.models.tokenizer import TextTokenizer
from ragkit.train.groups import Group
from ragkit.train.mining import MinedLesson
from ragkit.train.pairs import CLS, SEP, TokenIds

_TEXTS_AT_ONCE = 1_024


class GroupMaker:
    """Turns mined lessons into groups; each text is tokenised once.

    Args:
        tokenizer: the file of the model that is trained.
        max_tokens: no text keeps more.

    Raises:
        ModelError: the tokenizer is not BERT's.
    """

    def __init__(self, tokenizer: Path, *, max_tokens: int) -> None:
        self._tokenizer = TextTokenizer(tokenizer)
        self._max_tokens = max_tokens
        self._known: dict[str, TokenIds] = {}
        frame = self._tokenizer.encode([""], max_tokens=max_tokens)[0]
        if frame != [CLS, SEP]:
            raise ModelError(
                f"{tokenizer} frames a text by the ids {frame}: expected {[CLS, SEP]}, as BERT's does. Start "
                "from a model with BERT's tokenizer"
            )

    def groups(self, lessons: Sequence[MinedLesson]) -> list[Group]:
        """One group for each lesson, in their order."""
        self._learn(text for one in lessons for text in (one.lesson.question, *one.relevant, *one.others))
        return [
            Group(
                self._known[one.lesson.question],
                tuple(self._known[text] for text in one.relevant),
                tuple(self._known[text] for text in one.others),
            )
            for one in lessons
        ]

    def count(self, text: str) -> int:
        """How many tokens a text has, up to `max_tokens`."""
        self._learn([text])
        return len(self._known[text])

    def ids(self, text: str) -> TokenIds:
        """A text's token ids."""
        self._learn([text])
        return self._known[text]

    def _learn(self, texts: Iterable[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), _TEXTS_AT_ONCE):
            some = new[start : start + _TEXTS_AT_ONCE]
            for text, ids in zip(some, self._tokenizer.pieces(some), strict=True):
                self._known[text] = np.array(ids[: self._max_tokens], np.int32)


def digest(groups: Sequence[Group]) -> str:
    """A checksum of all that the groups hold: a training of others cannot go on from the same checkpoint."""
    total = hashlib.sha256()
    for group in groups:
        for ids in (group.question, *group.relevant, *group.others):
            total.update(len(ids).to_bytes(4, "big"))
            total.update(np.ascontiguousarray(ids, np.int32).tobytes())
        total.update(b"end")
    return total.hexdigest()
