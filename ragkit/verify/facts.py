"""What a sentence says that its evidence does not: quotations, numbers, dates, names, links, the contrary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ragkit.text.language import detect_language
from ragkit.verify.cells import is_row, narrowed
from ragkit.verify.contrast import exchanged_opposite, opposite
from ragkit.verify.dates import missing_dates
from ragkit.verify.names import exchanged_name, missing_links, missing_names
from ragkit.verify.nearly import Change, changes
from ragkit.verify.numbers import exchanged_number, missing_numbers
from ragkit.verify.polarity import contradiction, exchanged_negation, overlap, turned_round
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
        led: the sentences, items of lists after what leads to them (`What is not covered`); negation is
            looked for in these.

    >>> found = problems("It lasts 3 years.", Material(("It lasts 2 years.",)))
    >>> [problem.text for problem in found]
    ['does not state 3']
    """

    quotes: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    around: str = ""
    known: frozenset[str] = field(default=frozenset(), repr=False)
    led: tuple[str, ...] = field(default=(), kw_only=True)

    def about(self, said: str) -> Material:
        """The material without the cells of tables that are about others than the claim."""
        quotes = "\n".join(self.quotes).split("\n")
        return replace(
            self, quotes=tuple(narrowed(said, quotes)), sentences=tuple(narrowed(said, self.sentences))
        )


def problems(said: str, material: Material) -> list[Problem]:
    """Everything in a sentence that its material does not bear out, in the order of the kinds."""
    said = _EMPHASIS.sub("", _LIST_MARKER.sub("", said))
    material = material.about(said)
    quotes = "\n".join(material.quotes)
    source = f"{quotes}\n{material.around}"
    found = [Problem("quote", f"does not say “{quote}”") for quote in false_quotes(said, source)]
    late, rest = missing_dates(said, quotes)
    if late:
        found.append(Problem("date", f"does not state {', '.join(late)}"))
    changed = changes(said, [s for s in material.sentences or material.quotes if not is_row(s)])
    if missing := missing_numbers(rest, quotes):
        found.append(Problem("number", f"does not state {', '.join(sorted(set(missing)))}"))
    elif pair := exchanged_number(changed):
        found.append(Problem("number", f"says {pair[1]!r} and not {pair[0]!r}"))
    if links := missing_links(said, source):
        found.append(Problem("link", f"does not have {', '.join(links)}"))
    return found + _names(said, source, material, changed) + _senses(said, material, changed)


def _names(said: str, source: str, material: Material, changed: Sequence[Change]) -> list[Problem]:
    if detect_language(said) == "de":
        return []
    if missing := missing_names(said, source, material.known):
        return [Problem("name", f"does not mention {', '.join(missing)}")]
    if pair := exchanged_name(said, changed, material.known):
        return [Problem("name", f"says {pair[1]!r} and not {pair[0]!r}")]
    return []


def _senses(said: str, material: Material, changed: Sequence[Change]) -> list[Problem]:
    sentences = [_LIST_MARKER.sub("", s) for s in material.led or material.sentences or material.quotes]
    near = [s for s in sentences if overlap(said, s) >= _NEAR] or list(sentences[:1])
    found: list[Problem] = []
    if word := exchanged_negation(changed) or contradiction(said, near) or turned_round(said, sentences):
        found.append(Problem("negation", f"has {word!r} the other way round"))
    if pair := exchanged_opposite(changed) or opposite(said, "\n".join(near)):
        found.append(Problem("opposite", f"says {pair[1]!r} and not {pair[0]!r}"))
    return found
