"""Questions made from the collection itself, where nobody has asked any yet.

Each is taken out of a passage and points at what is left of it, so that words alone do not give it away:

    heading    the passage's own heading                → the passage without it
    sentence   one of its sentences                     → the passage without that sentence
    halves     its first half                           → its second half
    keywords   its most telling words, three to six     → the passage as it is

They are no questions of people: they teach how the collection's words and subjects go together. The same
passages and the same seed give the same questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit.text.telling import telling_words
from ragkit.train.lessons import Lesson
from ragkit.train.passages import Passages
from ragkit.types import Chunk, ReadSentence

_LEAST_CHARS = 200  # what is left of a passage must say something
_LEAST_WORDS = 6  # a sentence with fewer could stand anywhere
_PROSE = 0.7  # share of letters and blanks: below are code and tables
_MAX_CHARS = 600  # of half a passage that is asked as a question


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A question and what it leaves of its passage."""

    question: str
    left: str


def generated(
    passages: Passages, n: int, *, seed: int, documents: Sequence[str] | None = None
) -> list[Lesson]:
    """Up to `n` lessons, at most one of each kind from a passage, spread evenly over the documents.

    Args:
        passages: of the collection.
        n: how many.
        seed: of the choice of passages, kinds and sentences.
        documents: to take them from; all by default.
    """
    lessons: dict[str, Lesson] = {}
    chosen = passages.documents if documents is None else documents
    for turn in range(len(_KINDS)):
        for chunk in _spread(passages, chosen, seed):
            if len(lessons) >= n:
                return list(lessons.values())
            lesson = _lesson(chunk, passages, turn, seed)
            if lesson is not None:
                # Two passages under one heading ask the same; then neither is the one answer.
                lessons.setdefault(" ".join(lesson.question.lower().split()), lesson)
    return list(lessons.values())


def _spread(passages: Passages, documents: Sequence[str], seed: int) -> Iterator[Chunk]:
    """All passages: the first of each document, then the second of each, documents and passages shuffled."""
    rng = np.random.default_rng(seed)
    order = [documents[i] for i in rng.permutation(len(documents))]
    turn, left = 0, order
    while left:
        still = []
        for document in left:
            chunks = passages.of(document)
            if turn < len(chunks):
                own = np.random.default_rng((seed, _number(document)))
                yield chunks[own.permutation(len(chunks))[turn]]
                still.append(document)
        left, turn = still, turn + 1


def _lesson(chunk: Chunk, passages: Passages, turn: int, seed: int) -> Lesson | None:
    kinds = list(_KINDS)
    first = _number(chunk.id) + seed
    kind = kinds[(first + turn) % len(kinds)]
    drawn = _KINDS[kind](chunk, passages, np.random.default_rng((seed, turn, _number(chunk.id))))
    if drawn is None:
        return None
    return Lesson(
        f"{kind}-{chunk.id}",
        drawn.question,
        kind=kind,
        documents=(chunk.document_id,),
        gold=(chunk.id,),
        relevant=(drawn.left,),
        answers=() if kind == "keywords" else (drawn.question,),
    )


def _heading(chunk: Chunk, _passages: Passages, _rng: np.random.Generator) -> _Drawn | None:
    if not chunk.headings or len(chunk.text) < _LEAST_CHARS:
        return None
    *above, heading = chunk.headings
    text = chunk.text
    first, _, rest = text.partition("\n")
    if " ".join(first.strip("#=* ").split()) == " ".join(heading.split()):
        text = rest.lstrip()
    if len(heading.split()) < 2 or len(text) < _LEAST_CHARS or heading.lower() in text.lower():
        return None
    return _Drawn(heading, _headed(above, text))


def _sentence(chunk: Chunk, passages: Passages, rng: np.random.Generator) -> _Drawn | None:
    able = [s for s in passages.collection.sentences(chunk) if _is_prose(s) and _tells(s, chunk)]
    if not able:
        return None
    picked = able[int(rng.integers(len(able)))]
    start, end = picked.span.start - chunk.span.start, picked.span.end - chunk.span.start
    left = f"{chunk.text[:start].rstrip()}\n{chunk.text[end:].lstrip()}".strip()
    return _Drawn(_flat(picked.text), _headed(chunk.headings, left)) if len(left) >= _LEAST_CHARS else None


def _halves(chunk: Chunk, passages: Passages, _rng: np.random.Generator) -> _Drawn | None:
    sentences = passages.collection.sentences(chunk)
    if len(sentences) < 4 or sum(map(_is_prose, sentences)) < 3:
        return None
    cut = sentences[len(sentences) // 2].span.start - chunk.span.start
    question, left = _flat(chunk.text[:cut])[:_MAX_CHARS], chunk.text[cut:].strip()
    # Without headings: the question has those of the same section, and would be told by them.
    return _Drawn(question, left) if len(left) >= _LEAST_CHARS and len(question.split()) >= 10 else None


def _keywords(chunk: Chunk, passages: Passages, rng: np.random.Generator) -> _Drawn | None:
    words = telling_words(chunk.text, passages.collection.terms, passages.weights, rng)
    return _Drawn(" ".join(words), chunk.search_text) if words else None


_KINDS: dict[str, Callable[[Chunk, Passages, np.random.Generator], _Drawn | None]] = {
    "heading": _heading,
    "sentence": _sentence,
    "keywords": _keywords,
    "halves": _halves,
}


def _is_prose(sentence: ReadSentence) -> bool:
    return sentence.letter_share >= _PROSE and len(sentence.text.split()) >= _LEAST_WORDS


def _tells(sentence: ReadSentence, chunk: Chunk) -> bool:
    """Whether it is a sentence of its own: not a heading, and not all of the passage."""
    return sentence.text.strip("#* ") not in chunk.headings and len(sentence.text) < 0.6 * len(chunk.text)


def _headed(headings: Sequence[str], text: str) -> str:
    return f"{' › '.join(headings)}\n{text}" if headings else text


def _flat(text: str) -> str:
    return " ".join(text.split())


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big")
