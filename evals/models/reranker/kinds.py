"""Queries made from passages: titles, headings, sentences, halves, keywords, and whole passages.

They stand for what people type besides questions. A query that was cut out of a passage asks for what is left
of it; one that is a whole passage has no right answer, and the model imitates the first stage there.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
from first_stage import FirstStage
from sets import Asked, Collection, Passage, Split, chance

from ragkit.text.analyze import Analyzer

SHARES = {
    "scifact": 1.0,
    "squad": 1.0,
    "fastapi": 0.8,
    "hotpot": 0.6,
    "2wiki": 0.6,
    "tatqa": 0.5,
    "win32": 0.6,
}
TWICE = ("scifact", "squad")
BLEND_ONLY = ("tatqa", "win32")
FIT = 0.04
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“(])")
_HEADING = re.compile(r"\s*#+\s*([^\n]{8,80})\n(.{150,})", re.DOTALL)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,}")
_OPENINGS = ("what is ", "explain ", "tell me about ", "overview of ")


def generate(
    collection: Collection, first: FirstStage, analyzer: Analyzer, rng: random.Random
) -> list[Asked]:
    """One query per chosen passage, two in the sets of `TWICE`; altered passages join the collection."""
    titles = Counter(passage.title for passage in collection.passages)
    made = []
    for number, passage in enumerate(collection.passages[: collection.n_own]):
        if number in collection.untouched or rng.random() > SHARES.get(collection.name, 0):
            continue
        found = list(_of(passage, titles[passage.title] == 1, first, analyzer, rng))
        for kind, text, rest, titled in rng.sample(found, min(1 + (collection.name in TWICE), len(found))):
            id_, split = f"{collection.name}-{number}-{kind}", _split(collection, passage)
            one = Asked(
                id_, collection.name, kind, split, text, {number: 1}, with_title=titled, generated=True
            )
            if rest is not None:
                collection.passages.append(Passage(f"{passage.id}-{kind}", passage.title, rest, passage.unit))
                one.relevant, one.not_beside = {len(collection.passages) - 1: 1}, {number}
            if kind == "similar":
                one.relevant, one.not_beside = {}, {number}
            made.append(one)
    return made


def _split(collection: Collection, passage: Passage) -> Split:
    if collection.name in BLEND_ONLY:
        return "fit"
    same = next(
        (
            one.split
            for one in collection.asked
            if collection.passages[next(iter(one.relevant))].unit == passage.unit
        ),
        "train",
    )
    return "fit" if same == "fit" or chance("gen" + passage.unit) < FIT else "train"


def _of(
    passage: Passage, own_title: bool, first: FirstStage, analyzer: Analyzer, rng: random.Random
) -> Iterator[tuple[str, str, str | None, bool]]:
    """Kind, query, what is left of the passage (None: all), and whether titles are shown."""
    text, sentences = passage.text, _SENTENCE_END.split(passage.text)
    if passage.title and own_title:
        opening = rng.choice(_OPENINGS) if rng.random() < 0.2 else ""
        yield "title", opening + passage.title, None, False
    if heading := _HEADING.match(text):
        yield "heading", heading[1].strip(), heading[2], True
    if len(words := _keywords(text, first, analyzer, rng)) > 6:
        yield "keywords", words, None, True
    if len(sentences) >= 4:
        i = rng.randrange(len(sentences))
        if 40 < len(sentences[i]) < 400:
            yield "sentence", sentences[i], " ".join(sentences[:i] + sentences[i + 1 :]), rng.random() < 0.5
        halves = [" ".join(sentences[: len(sentences) // 2]), " ".join(sentences[len(sentences) // 2 :])]
        if len(text) > 500:
            rng.shuffle(halves)
            yield "half", halves[0], halves[1], rng.random() < 0.3
    if len(text) > 300:
        title = f"{passage.title}. " if passage.title and rng.random() < 0.5 else ""
        yield "similar", title + text[:1500], None, True


def _keywords(text: str, first: FirstStage, analyzer: Analyzer, rng: random.Random) -> str:
    """Two to six of the passage's most telling words, in any order."""
    words = Counter(word.lower() for word in _WORD.findall(text))
    telling = {
        word: max(
            (first.idf[first.terms[term]] for term in analyzer.terms(word) if term in first.terms),
            default=0.0,
        )
        * (1 + 0.3 * count)
        for word, count in words.items()
    }
    n = rng.randint(2, 6)
    best = sorted(telling, key=lambda word: (-telling[word], word))[: 3 * n]
    return " ".join(rng.sample(best, min(n, len(best))))


def teacher_scores(dense: np.ndarray, bm25: np.ndarray) -> np.ndarray:
    """What a model imitates where nothing is judged: both arms' scores, standardised, with equal weight."""

    def standard(values: np.ndarray) -> np.ndarray:
        return (values - values.mean()) / max(float(values.std()), 1e-9)

    return np.asarray(1.5 * standard(0.5 * standard(dense) + 0.5 * standard(bm25)), np.float32)
