"""What a model wrote, read: its claims in order, each with the passages it points to, and the layout between.

Sentences, list items, rows of tables and whole blocks of code are claims. Headings, rules, heads of tables
and lines that announce what follows are the frame around them. A list of sources at the end is neither: a
checked citation says more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ragkit.text.markers import Marker, code_spans, find_markers
from ragkit.text.sentences import sentence_spans
from ragkit.types import Span

Kind = Literal["prose", "row", "code", "frame"]

_SOURCES = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*)?[*_]{0,2}"
    r"(?:sources?|references?|citations?|источники?|ссылки|литература)[*_]{0,2}[ \t]*:?[*_]{0,2}[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_DEFINITION = re.compile(r"^[ \t]*\[\^?\d{1,3}\]:[^\n]*$", re.MULTILINE)
_BROKEN = re.compile(r"[\[【]\s*+\d{0,3}(?:\s*+[,;–-]\s*+\d{0,3})*+\s*+\Z")
_HEADING = re.compile(r"#{1,6}[ \t]|[*_]{2}[^*_\n]{1,80}[*_]{2}:?$|(?:[-*_=][ \t]*){3,}$|<!--")
_RULE = re.compile(r"\|?[ \t]*:?-{2,}[-:| \t]*$")
_FOOTNOTE = re.compile(r"\[(\d{1,3})\]")
_MOST_ANNOUNCING_WORDS = 14
_SENTENCE_END = tuple(".!?…。！？")


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of an answer: its text without markers, the numbers it points to, and what stood before it."""

    text: str
    numbers: tuple[int, ...] = ()
    kind: Kind = "prose"
    gap: str = " "


def read_answer(text: str, n_passages: int) -> list[Claim]:
    """The claims of a model's text that cites passages `1..n_passages`.

    A marker belongs to the sentence it stands in or right behind, and at the start of a line to the one that
    follows.

    >>> [(c.text, c.numbers) for c in read_answer("It lasts two years [1]. Not [2, 3] more. [1]", 3)]
    [('It lasts two years.', (1,)), ('Not more.', (2, 3, 1))]
    """
    text = _without_sources(text.replace("\r\n", "\n").strip())
    bare, places = _without_markers(text, find_markers(text, n_passages))
    spans = _spans(bare)
    numbers: list[list[int]] = [[] for _ in spans]
    for at, marker in places:
        owner = _owner(bare, spans, at)
        if owner is not None:
            numbers[owner].extend(marker.numbers)
    claims: list[Claim] = []
    at = 0
    for i, (span, is_code) in enumerate(spans):
        piece = span.of(bare)
        following = spans[i + 1][0].of(bare) if i + 1 < len(spans) else ""
        kind: Kind = "code" if is_code else _kind(piece, following)
        shown = piece if is_code else _FOOTNOTE.sub(r"(\1)", piece)
        claims.append(Claim(shown, tuple(dict.fromkeys(numbers[i])), kind, _gap(bare[at : span.start])))
        at = span.end
    return claims


def _without_sources(text: str) -> str:
    text = _DEFINITION.sub("", text)
    for match in _SOURCES.finditer(text):
        lines = [line.strip() for line in text[match.end() :].strip().splitlines() if line.strip()]
        if lines and all(re.match(r"[-*•]?\s*[\[【(]?\d|[-*•]\s|https?:", line) for line in lines):
            return text[: match.start()].rstrip()
    return text.rstrip()


def _without_markers(text: str, markers: Sequence[Marker]) -> tuple[str, list[tuple[int, Marker]]]:
    """The text without its markers, and where each of them would stand in it."""
    pieces: list[str] = []
    places: list[tuple[int, Marker]] = []
    length = at = 0
    for marker in markers:
        piece = text[at : marker.span.start]
        at = marker.span.end
        opens_line = not piece.rpartition("\n")[2].strip() and ("\n" in piece or length == 0)
        if opens_line:
            at += len(text[at:]) - len(text[at:].lstrip(" \t"))
        elif not text[at : at + 1].isalnum():
            piece = piece.rstrip(" \t\u00a0")
        pieces.append(piece)
        length += len(piece)
        places.append((length, marker))
    pieces.append(_BROKEN.sub("", text[at:]))
    return "".join(pieces), places


def _spans(text: str) -> list[tuple[Span, bool]]:
    """Sentences, with each fenced block of code as one piece."""
    fences = [span for span in code_spans(text) if span.of(text).lstrip()[:3] in ("```", "~~~")]
    found: list[tuple[Span, bool]] = []
    for span in sentence_spans(text):
        fence = next((f for f in fences if f.start <= span.start < f.end), None)
        if fence is None:
            found.append((span, False))
        elif not found or found[-1][0] != _trimmed(text, fence):
            found.append((_trimmed(text, fence), True))
    return found


def _trimmed(text: str, span: Span) -> Span:
    piece = span.of(text)
    return Span(span.start + len(piece) - len(piece.lstrip()), span.start + len(piece.rstrip()))


def _owner(text: str, spans: Sequence[tuple[Span, bool]], at: int) -> int | None:
    """The piece that a marker belongs to that stood at `at`."""
    if not spans:
        return None
    before = [i for i, (span, _) in enumerate(spans) if span.start < at]
    if not before:
        return 0
    last = before[-1]
    end = spans[last][0].end
    if at > end and "\n" in text[end:at] and last + 1 < len(spans):
        return last + 1
    return last


def _kind(piece: str, following: str) -> Kind:
    bare = piece.strip()
    if _HEADING.match(bare) or _RULE.match(bare) or not any(map(str.isalnum, bare)):
        return "frame"
    if bare.startswith("|") or (bare.count(" | ") >= 1):
        return "frame" if "|" in following and _RULE.match(following.strip()) else "row"
    announces = bare.endswith(":") and len(bare.split()) <= _MOST_ANNOUNCING_WORDS
    return "frame" if announces and following else "prose"


def _gap(between: str) -> str:
    return "\n\n" if between.count("\n") > 1 else "\n" if "\n" in between else " "


def joined(pieces: Iterator[tuple[str, str]]) -> str:
    """The pieces, each after its gap; the first without."""
    text = ""
    for gap, piece in pieces:
        text = f"{text}{gap}{piece}" if text else piece
    return text


def is_cut_off(claim: Claim) -> bool:
    """Whether a claim that ends the answer stops in the middle: no mark, after a word that leads on."""
    text = claim.text.rstrip()
    if claim.kind != "prose" or text.endswith(_SENTENCE_END):
        return False
    last = re.findall(r"[\w-]+|\S", text)[-1:]
    return bool(last) and (last[0].lower() in _LEADING_ON or last[0] in ",(«“-–—" or last[0].endswith("-"))


def last_word(claim: Claim) -> str:
    """The word that a claim stops in without a mark; empty where it ends as a sentence does."""
    found = re.search(r"[^\W\d_]+\Z", claim.text.rstrip()) if claim.kind == "prose" else None
    return found[0] if found else ""


_LEADING_ON_WORDS = (
    "a an the of to in on at by for from with and or but if when that which is are was were be not no up than"
    " as и в на с к по от до за из для или но если когда что который не без чем как а о об"
)
_LEADING_ON = frozenset(_LEADING_ON_WORDS.split())
