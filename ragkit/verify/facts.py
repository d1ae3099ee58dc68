"""What a sentence says that its evidence does not: quotations, numbers, dates, names, links, the contrary."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from ragkit.text.language import detect_language
from ragkit.verify.contrast import opposite
from ragkit.verify.dates import missing_dates
from ragkit.verify.names import exchanged_name, missing_links, missing_names
from ragkit.verify.numbers import missing_numbers
from ragkit.verify.polarity import contradiction, overlap
from ragkit.verify.quotes import false_quotes

ProblemKind = Literal["quote", "number", "date", "name", "link", "negation", "opposite"]
_LIST_MARKER = re.compile(r"^\s*(?:[-*•–]|\d{1,3}[.)])\s+", re.MULTILINE)
_EMPHASIS = re.compile(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)|^#{1,6}\s+", re.MULTILINE)
# A sentence of the evidence is held against the claim where they share so many of its words.
_NEAR = 0.34


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, of which kind, in words."""

    kind: ProblemKind
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """What a sentence may take its facts from.

    Args:
        quotes: what is cited for it.
        sentences: the sentences of these quotes, best first; negation is looked for in each by itself.
        around: what may lend it names and quotations besides: passages, headings, the question.
        known: stems of words that are names in these documents.

    >>> found = problems("It lasts 3 years.", Material(("It lasts 2 years.",)))
    >>> [problem.text for problem in found]
    ['does not state 3']
    """

    quotes: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    around: str = ""
    known: frozenset[str] = field(default=frozenset(), repr=False)


def problems(said: str, material: Material) -> list[Problem]:
    """Everything in a sentence that its material does not bear out, in the order of the kinds."""
    said = _EMPHASIS.sub("", _LIST_MARKER.sub("", said))
    quotes = "\n".join(material.quotes)
    source = f"{quotes}\n{material.around}"
    found = [Problem("quote", f"does not say “{quote}”") for quote in false_quotes(said, source)]
    late, rest = missing_dates(said, quotes)
    if late:
        found.append(Problem("date", f"does not state {', '.join(late)}"))
    if missing := missing_numbers(rest, quotes):
        found.append(Problem("number", f"does not state {', '.join(sorted(set(missing)))}"))
    if links := missing_links(said, source):
        found.append(Problem("link", f"does not have {', '.join(links)}"))
    return found + _names(said, source, material) + _senses(said, material)


def _names(said: str, source: str, material: Material) -> list[Problem]:
    if detect_language(said) == "de":
        return []
    found: list[Problem] = []
    if missing := missing_names(said, source, material.known):
        found.append(Problem("name", f"does not mention {', '.join(missing)}"))
    for sentence in material.sentences or material.quotes:
        if pair := exchanged_name(said, sentence, material.known):
            found.append(Problem("name", f"says {pair[1]!r} and not {pair[0]!r}"))
            break
    return found


def _senses(said: str, material: Material) -> list[Problem]:
    near = [s for s in material.sentences or material.quotes if overlap(said, s) >= _NEAR]
    near = near or list((material.sentences or material.quotes)[:1])
    found: list[Problem] = []
    if word := contradiction(said, near):
        found.append(Problem("negation", f"has {word!r} the other way round"))
    if pair := opposite(said, "\n".join(near)):
        found.append(Problem("opposite", f"says {pair[1]!r} and not {pair[0]!r}"))
    return found
