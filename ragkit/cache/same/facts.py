"""What two questions name: numbers, dates, names, identifiers, quoted words. All of it must be the same."""

from __future__ import annotations

import re

from ragkit.text.markers import quoted_spans
from ragkit.text.normalize import normal_form
from ragkit.verify.dates import missing_dates
from ragkit.verify.names import missing_links, missing_names
from ragkit.verify.numbers import Quantity, quantities
from ragkit.verify.words import words

# `max_retries`, `--timeout`, `client.read`, `/orders`, `E-1042`, `eTag`, `HTTP`, `config.yaml`, `C++`
_IDENTIFIER = re.compile(
    r"`[^`\n]+`|(?<!\w)--?[a-zA-Z][\w-]*|(?<![\w/])/[\w./-]+|\w+(?:[_.\\:@]+\w+)+"
    r"|[^\W\d_]+-?\d[\w-]*|\d+[^\W\d_]\w*|[a-z]+[A-Z]\w*|\b[A-ZА-ЯЁ]{2,}\b|\b[A-Za-z]\+\+|\b[A-Z]#"
    r"|(?<=\s)[A-ZА-ЯЁ](?=[\s,.;?!)]|$)"
)
_CALENDAR = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\bweekends?\b|\bweekdays?\b|\btoday\b|\btomorrow\b"
    r"|\byesterday\b|\bspring\b|\bsummer\b|\bautumn\b|\bwinter\b"
    r"|\b(?:понедельник|вторник|сред[ауы]|четверг|пятниц|суббот|воскресень|выходн|будн)\w*"
    r"|\bсегодня\b|\bзавтра\b|\bвчера\b|\bвесн\w+|\bлет(?:о|ом)\b|\bосен\w+|\bзим(?:а|ой|у|ы)\b",
    re.IGNORECASE,
)
_NAME_OF_SEVERAL = re.compile(r"\b[A-ZА-ЯЁ]\w+(?:\s[A-ZА-ЯЁ]\w+)+")
# The article before a letter that is a name (`shelf A`) has a small one.
_WORDS_IN_CAPITALS = frozenset({"I", "А", "И", "В", "К", "О", "С", "У", "Я"})


def other_fact(one: str, other: str) -> str | None:
    """What one of two questions names and the other does not, of what an answer depends on.

    >>> other_fact("What changed in 3.2?", "What changed in 3.0?")
    '3.2'
    >>> other_fact("After 24 hours?", "After one day?"), other_fact("After two years?", "After 24 months?")
    ('24', None)
    """
    return _one_sided(one, other) or _one_sided(other, one)


def _one_sided(one: str, other: str) -> str | None:
    late, rest = missing_dates(one, other)
    if late:
        return late[0]
    stated, within = quantities(other), _numbers_within(other, one)
    for quantity in quantities(rest):
        if quantity.bare not in within and not any(_agree(quantity, found) for found in stated):
            return quantity.written
    if links := missing_links(one, other):
        return links[0]
    squashed = _squashed(other) + _initials(other)
    if extra := sorted(piece for piece in _identifiers(one) if piece not in squashed):
        return extra[0]
    for pieces in (_calendar, _quoted):
        if extra := sorted(pieces(one) - pieces(other)):
            return extra[0]
    names = [
        name
        for name in missing_names(_IDENTIFIER.sub(" ", one), other)
        if not _is_shortened(name, one, other)
    ]
    return names[0] if names else None


def _is_shortened(name: str, one: str, other: str) -> bool:
    """Whether a name is a part of one that the other question has by its initials: `United States`, `US`."""
    for match in _NAME_OF_SEVERAL.finditer(one):
        parts = match[0].split()
        if name in parts and re.search(rf"\b{''.join(part[0] for part in parts)}\b", other):
            return True
    return False


def _agree(a: Quantity, b: Quantity) -> bool:
    if a.kind and b.kind:
        return a.kind == b.kind and a.value == b.value
    return a.bare == b.bare


def _identifiers(text: str) -> set[str]:
    """Identifiers, with what is written in several ways left out: case, hyphens, backticks."""
    # Words all in capitals are shouted, not named.
    if text.isupper():
        return set()
    found = {match[0] for match in _IDENTIFIER.finditer(text)} - _WORDS_IN_CAPITALS
    return {_squashed(piece.rstrip(".")) for piece in found}


def _squashed(text: str) -> str:
    """A text without what is written in an identifier or left out: `E-1042`, `E 1042`, `e1042`."""
    return re.sub(r"[`\s-]", "", text).casefold()


def _numbers_within(text: str, other: str) -> set[str]:
    """The numbers of identifiers that another text has with a space in them: `E-1042`, `E 1042`."""
    plain = _squashed(other)
    return {number for piece in _identifiers(text) if piece in plain for number in re.findall(r"\d+", piece)}


def _initials(text: str) -> str:
    names = (match[0].split() for match in _NAME_OF_SEVERAL.finditer(text))
    return "".join(f" {''.join(part[0] for part in parts)} " for parts in names).casefold()


def _calendar(text: str) -> set[str]:
    return {w.stem for match in _CALENDAR.finditer(normal_form(text)) for w in words(match[0])}


def _quoted(text: str) -> set[str]:
    inside = (span.of(text)[1:-1] for span in quoted_spans(text))
    return {" ".join(normal_form(piece).casefold().split()) for piece in inside}
