"""`compress/dedupe`: drops what a passage says again of earlier ones, and keeps what is new in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from pydantic import Field

from ragkit.compress.selection import ContextSentence, only, sentences_of, tokens_of
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import Settings
from ragkit.text.number_words import states_amount
from ragkit.text.tokens import word_spans
from ragkit.types import Context

Words = tuple[str, ...]

_SHINGLE = 3
# A sentence of which so many word triples stood before, and no amount or negation differs, says it again.
_SAME_SHARE = 0.85
_DENIES = re.compile(r"not|no|never|nor|none|without|cannot|\w+n['’]t|не|нет|ни|без|никогда|нельзя")


@stage("compress/dedupe")
class Dedupe(Stage[Context, Context]):
    """Drops passages that say nothing new, and cuts others to what is new in them.

    Overlapping chunks of one document and versions of a page are what it catches. The earlier, higher ranked
    passage stays whole. Of a later one most of which was said before, sentences that say something else are
    kept, each with the one before it: another number, unit, date or negation, in figures or in words, makes
    another sentence, in English and Russian. A passage most of which is new stays whole.

    A sentence is found again by its word triples, wherever passages are cut. Their containment is Broder's
    ("On the resemblance and containment of documents", 1997).

    >>> Dedupe(threshold=0.5).config.threshold
    0.5
    """

    class Config(Settings):
        threshold: float = Field(
            0.5,
            gt=0.0,
            le=1.0,
            description="Share of a passage's tokens said before, from which only what is new is kept.",
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    def run(self, context: Context, ctx: RunContext) -> Context:
        by_passage: list[list[ContextSentence]] = [[] for _ in context.passages]
        for sentence in sentences_of(context, self.collection):
            by_passage[sentence.passage].append(sentence)
        said = _Said()
        kept: list[ContextSentence] = []
        cut: list[str] = []
        for passage, sentences in zip(context.passages, by_passage, strict=True):
            words = [_words(sentence.read.text) for sentence in sentences]
            again = [said.holds(one) for one in words]
            repeated = tokens_of(s for s, is_again in zip(sentences, again, strict=True) if is_again)
            if repeated and repeated >= self.config.threshold * tokens_of(sentences):
                cut.append(passage.chunk.id)
                kept += _new_with_the_one_before(sentences, again)
            else:
                kept += sentences
            said.add(words)
        if not cut:
            return context
        made = only(context, kept)
        left = {passage.chunk.id for passage in made.passages}
        ctx.note(
            dropped=[id_ for id_ in cut if id_ not in left], shortened=[id_ for id_ in cut if id_ in left]
        )
        return made


class _Said:
    """The words of all passages so far: their triples, and the sentences too short for one."""

    def __init__(self) -> None:
        self._triples: set[Words] = set()
        self._short: set[Words] = set()

    def add(self, sentences: Sequence[Words]) -> None:
        """Adds the sentences of a passage, and what its triples are across them."""
        self._triples |= _triples(tuple(chain.from_iterable(sentences)))
        self._short |= {words for words in sentences if len(words) < _SHINGLE}

    def holds(self, words: Words) -> bool:
        """Whether a sentence says nothing that was not said."""
        if len(words) < _SHINGLE:
            return not words or words in self._short
        triples = _triples(words)
        missing = triples - self._triples
        if len(missing) > (1.0 - _SAME_SHARE) * len(triples):
            return False
        return not any(_decides(word) for word in chain.from_iterable(missing))


def _new_with_the_one_before(
    sentences: Sequence[ContextSentence], again: Sequence[bool]
) -> list[ContextSentence]:
    """What is new, each with the sentence before it, which a pronoun may mean."""
    n = len(sentences)
    return [sentences[i] for i in range(n) if not again[i] or (i + 1 < n and not again[i + 1])]


def _decides(word: str) -> bool:
    return states_amount(word) or _DENIES.fullmatch(word) is not None


def _words(text: str) -> Words:
    return tuple(span.of(text).lower().replace("ё", "е") for span in word_spans(text))


def _triples(words: Words) -> set[Words]:
    return {words[i : i + _SHINGLE] for i in range(len(words) - _SHINGLE + 1)}
