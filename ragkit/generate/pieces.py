"""What of a passage may be quoted as an answer: sentences, and lists and code that must not be torn apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.protocols import Collection
from ragkit.text.relevance import Candidate, kept_sentences
from ragkit.text.spans import contains
from ragkit.types import Context, Passage, ReadSentence, Span

_LIST_MARKER = re.compile(r"\s*(?:[-*•–+]|\(?\d{1,3}[.)])\s+")
_LETTER_SHARE = 0.72
_CODE = re.compile(
    r"(?:from \S+ import |import \S+$|(?:async )?def \w+\(|class \w+[:(]|await |return |[@$>#]\s?\w"
    r"|pip install |[\w.]+ = |`{3}|~{3})"
)
_STEP = re.compile(r"\s*\(?\d{1,3}[.)]\s+")
_MIN_WORDS = 3
_HEADING_WORDS = 7
_ENDED = re.compile(r"[.!?:;…)\]»”\"'|]\W*$")
# A connective that points to a sentence which is not quoted says nothing.
_CONNECTIVE = re.compile(
    r"(?:However|Moreover|Furthermore|Additionally|In addition|Also|Therefore|Thus|Hence|Consequently"
    r"|Nevertheless"
    r"|Nonetheless|Similarly|Likewise|Instead|Still|Besides|Finally|For example|For instance|In fact"
    r"|As a result"
    r"|On the other hand|In contrast|Однако|Кроме того|Более того|Также|Поэтому|Таким образом"
    r"|Следовательно|Тем не менее"
    r"|Например|Впрочем|Наконец|Напротив|В результате|С другой стороны|При этом),\s+|(?:But|And|So|Yet"
    r"|Но|А|И)\s+(?=\w)"
)
_LEANS_BACK = re.compile(
    r"(?:it|its|they|their|this|these|that|those|such|he|his|she|her|он|его|она|её|ее|оно|они|их|это|эти"
    r"|этот|эта|такой"
    r"|такая|такие|там|тогда)\b",
    re.IGNORECASE,
)
_MAX_LIST_CHARS: Final = 900
_MAX_ITEMS: Final = 8
_MAX_ANNOUNCED_CHARS: Final = 600


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence that may be quoted.

    Args:
        passage: its position in the context.
        at: its position among the sentences of the passage.
        sentence: the sentence.
        span: what is quoted, in the document: it may reach further than the sentence, over the list or the
        code that it announces, and begin behind a connective.
        text: the document's text there.
    """

    passage: int
    at: int
    sentence: ReadSentence
    span: Span
    text: str

    @property
    def leans_back(self) -> bool:
        """Whether it begins with a word that stands for something in the sentence before it."""
        return bool(_LEANS_BACK.match(self.text))


@dataclass(frozen=True, slots=True)
class Quotable:
    """The sentences of all passages, and those among them that may be quoted: no headings, no code."""

    passages: tuple[Passage, ...]
    sentences: tuple[tuple[ReadSentence, ...], ...]
    places: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, context: Context, collection: Collection) -> Quotable:
        """Of a context, in its order."""
        sentences = tuple(tuple(kept_sentences(p, collection)) for p in context.passages)
        places = tuple(
            (n, i)
            for n, (passage, found) in enumerate(zip(context.passages, sentences, strict=True))
            for i, sentence in enumerate(found)
            if sentence.text not in passage.chunk.headings and is_prose(sentence)
        )
        return cls(context.passages, sentences, places)

    def candidates(self) -> list[Candidate]:
        """Those that may be quoted, to be judged."""
        return [Candidate(self.sentences[n][i], self.passages[n]) for n, i in self.places]

    def piece(self, n: int, *, whole_list: bool = False) -> Piece:
        """What is quoted of one of them.

        Args:
            n: its position among those that may be quoted.
            whole_list: whether of a list all items are quoted, for questions that ask how something is done.
        """
        at, i = self.places[n]
        passage, sentences = self.passages[at], self.sentences[at]
        span = _listed(sentences, i, passage) if whole_list else None
        if span is None:
            cut = _CONNECTIVE.match(sentences[i].text)
            begin = sentences[i].span.start + (cut.end() if cut else 0)
            span = Span(begin, _announced(sentences, i, passage.keep))
        text = span.shift(-passage.chunk.span.start).of(passage.chunk.text)
        return Piece(at, i, sentences[i], span, text)


def is_item(text: str) -> bool:
    """Whether a sentence is an item of a list."""
    return bool(_LIST_MARKER.match(text))


def without_marker(text: str) -> str:
    """A text without the sign that makes it an item of a list.

    >>> without_marker("2. Switch it on."), without_marker("- cables")
    ('Switch it on.', 'cables')
    """
    found = _LIST_MARKER.match(text)
    return text[found.end() :] if found else text


def is_prose(sentence: ReadSentence) -> bool:
    """Whether a sentence can be an answer by itself."""
    text = sentence.text
    if _CODE.match(text):
        return False
    if " | " in text and ": " not in text:
        return False  # the header row of a table: names without values
    n_words = len(text.split())
    is_heading = n_words <= _HEADING_WORDS and text.isascii() and not _ENDED.search(text)
    if is_heading and not sentence.has_number and not is_item(text):
        return False
    # Chinese, Japanese and Thai write without blanks, some six characters where others have three words.
    long_enough = n_words >= _MIN_WORDS or (len(text) >= 2 * _MIN_WORDS and not text.isascii())
    return long_enough and sentence.letter_share >= _LETTER_SHARE


def _announced(sentences: Sequence[ReadSentence], i: int, keep: Sequence[Span]) -> int:
    """Where the sentence `i` ends, with the list items or the one block of code that it announces.

    It ends before anything that `keep` leaves out.
    """
    end = sentences[i].span.end
    if i + 1 >= len(sentences):
        return end
    announces_code = not _ENDED.search(sentences[i].text) and bool(_CODE.match(sentences[i + 1].text))
    if not sentences[i].text.endswith(":") and not announces_code:
        return end
    for n, following in enumerate(sentences[i + 1 : i + 1 + _MAX_ITEMS]):
        item = is_item(following.text)
        whole = Span(sentences[i].span.start, following.span.end)
        if len(whole) > _MAX_ANNOUNCED_CHARS or not (item or n == 0):
            break
        if not any(contains(kept, whole) for kept in keep):
            break
        end = following.span.end
        if not item:
            break
    return end


def _listed(sentences: Sequence[ReadSentence], i: int, passage: Passage) -> Span | None:
    """The list of steps that the sentence `i` stands in, with what announces it; None if in none.

    A sentence behind the first of an item belongs to it where no blank line comes between.
    """
    first = last = i
    while first > 0 and not is_item(sentences[first].text) and _same_block(sentences, first - 1, passage):
        first -= 1
    if not _STEP.match(sentences[first].text):
        return None
    at = first
    while at > 0 and (is_item(sentences[at - 1].text) or _belongs(sentences, at - 1, passage)):
        at -= 1
        first = at if is_item(sentences[at].text) else first
    while last + 1 < len(sentences) and (
        is_item(sentences[last + 1].text) or _same_block(sentences, last, passage)
    ):
        last += 1
    if first > 0 and sentences[first - 1].text.endswith(":"):
        first -= 1
    span = Span(sentences[first].span.start, sentences[last].span.end)
    fits = len(span) <= _MAX_LIST_CHARS and any(contains(kept, span) for kept in passage.keep)
    return span if fits and last > first else None


def _belongs(sentences: Sequence[ReadSentence], i: int, passage: Passage) -> bool:
    """Whether the sentence `i` and what follows it are of one block, and an item opens that block."""
    at = i
    while at > 0 and not is_item(sentences[at].text) and _same_block(sentences, at - 1, passage):
        at -= 1
    return is_item(sentences[at].text)


def _same_block(sentences: Sequence[ReadSentence], i: int, passage: Passage) -> bool:
    """Whether no line ends between the sentence `i` and the next one."""
    base = passage.chunk.span.start
    between = passage.chunk.text[sentences[i].span.end - base : sentences[i + 1].span.start - base]
    return "\n" not in between
