"""The claims of a text that is still being written, as far as no further text can change them.

Where a sentence ends, and which markers are its own, shows in what follows it: a word that begins small goes
on with it, a marker may come after the full stop, a rule of dashes makes a row of a table its head. So a
claim is certain when the text is read the same with its last words as without them, and another claim has
begun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.verify.written import Claim, read_answer

# What decides about the end of a sentence lies within two words of it (`ragkit.text.sentence_ends`), or
# within so many characters where words are long or not divided by blanks.
_LAST_WORDS = re.compile(r"\S+\s+\S+\s*\Z")
_MOST_CHARS = 24
_OPEN = re.compile(r"[\[【［][^\[\]【】［］\n]{0,60}\Z|\([^()\n]{0,24}\Z")
_ROW = re.compile(r"\s*\||.*\S \|")


def certain_claims(text: str, n_passages: int) -> list[Claim]:
    """The claims that an unfinished text has for certain, in order.

    >>> [claim.text for claim in certain_claims("It lasts two years. [1] It starts on deliv", 1)]
    ['It lasts two years.']
    >>> certain_claims("It lasts two years. [1", 1)
    []
    """
    text = _OPEN.sub("", _without_open_row(text))
    claims = read_answer(text, n_passages)
    if len(claims) < 2:
        return []
    return list(_shared(claims[:-1], read_answer(_shortened(text), n_passages)))


def _without_open_row(text: str) -> str:
    """A row of a table is looked at when its line is whole: before, it looks like sentences."""
    before, newline, line = text.rpartition("\n")
    return before + newline if _ROW.match(line) else text


def _shortened(text: str) -> str:
    found = _LAST_WORDS.search(text, max(0, len(text) - _MOST_CHARS))
    return text[: found.start() if found else max(0, len(text) - _MOST_CHARS)]


def _shared(claims: list[Claim], shorter: list[Claim]) -> Iterator[Claim]:
    for claim, same in zip(claims, shorter, strict=False):
        if (claim.text, claim.numbers, claim.gap) != (same.text, same.numbers, same.gap):
            return
        # What follows may make it a part of the frame, so it is told as it stands in the longer text.
        yield claim
