"""Names, identifiers and links of a sentence, and whether its source has them.

A name is a word with a capital that is not there because a sentence begins, in capitals, with a digit or an
underscore in it, or in backticks. Words are compared by their stems, so `Петрову` is `Петров`. Titles in
`Title Case` and German, whose nouns all have capitals, are not looked at.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence

from ragkit.text.normalize import normal_form
from ragkit.text.number_words import UNITS
from ragkit.verify.nearly import Change
from ragkit.verify.words import Word, words

_LINK = re.compile(r"(?:https?://|www\.)[^\s)>\]\"'»]+|[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"`([^`\n]+)`|(?<![\w/])(--?[a-z][\w-]+|/[\w./-]{3,}|\w+(?:_\w+)+|[a-z]+(?:[A-Z]\w+)+|[A-Z]{2,}-?\d+\w*"
    r"|[A-Za-z]+-\d+\w*)"
)
_MONTHS = frozenset(month.lower() for month in calendar.month_name if month)
_BEFORE_SENTENCE = frozenset("\"'*_")
_OPENS_SENTENCE = frozenset(".!?:;()|")


def missing_links(said: str, source: str) -> list[str]:
    """The addresses in `said` that do not stand in `source`.

    >>> missing_links("See https://a.example/x.", "at https://a.example/y")
    ['https://a.example/x']
    """
    return [link for m in _LINK.finditer(said) if (link := m[0].rstrip(".,;:!?")) not in source]


def missing_names(said: str, source: str, known: frozenset[str] = frozenset()) -> list[str]:
    """The names and identifiers of `said` that `source` does not have, as written.

    Args:
        said: a sentence.
        source: everything that may lend it names: passages, their headings, the question.
        known: stems of words that are names elsewhere, to tell a name at the start of a sentence.

    >>> missing_names("The chief is Petrov.", "chief: Ivanov")
    ['Petrov']
    """
    plain = normal_form(source)
    folded = plain.casefold()
    bare = _LINK.sub(" ", said)
    missing = [
        piece for m in _IDENTIFIER.finditer(bare) if not _stands(piece := (m[1] or m[2]).strip(), folded)
    ]
    stems = {word.stem for word in words(source)} | {w.stem for w in words(re.sub(r"[-_/.]", " ", source))}
    prefixes = {stem[:4] for stem in stems}
    for word in names(_IDENTIFIER.sub(" ", bare), known):
        if not (word.stem in stems or _alike(word, stems, prefixes) or _initials(word.text, plain)):
            missing.append(word.text)
    return list(dict.fromkeys(missing))


def names(text: str, known: frozenset[str] = frozenset()) -> list[Word]:
    """The words of a sentence that are names."""
    found: list[Word] = []
    listed, plain = words(text), normal_form(text)
    for i, word in enumerate(listed):
        if not word.text[0].isupper() or word.lower in _MONTHS or word.lower in UNITS or len(word.text) < 2:
            continue
        opens = (
            i == 0
            or listed[i - 1].text in _OPENS_SENTENCE
            or plain[max(0, word.at - 1) : word.at] in _BEFORE_SENTENCE
        )
        if word.text.isupper() and len(word.text) < 12:
            found.append(word)
        elif not word.is_content:
            continue
        elif not opens or word.stem in known:
            found.append(word)
    return found


def names_known(texts: Iterable[str]) -> frozenset[str]:
    """Stems of the words that stand with a capital inside of sentences, and never without one."""
    text = "\n. ".join(texts)
    small = {word.stem for word in words(text) if word.text[0].islower()}
    return frozenset(word.stem for word in names(text) if not word.text.isupper()) - small


def exchanged_name(
    said: str, changed: Sequence[Change], known: frozenset[str] = frozenset()
) -> tuple[str, str] | None:
    """A name of `said` and the one that its source has in its place."""
    ours = {word.at for word in names(said, known)}
    for change in changed:
        mine = [w for w in change.ours if w.at in ours]
        other = [w for w in change.theirs if w.text[0].isupper() and w.is_content]
        if not mine and len(change.ours) == 1 and other and other[0].stem in known:
            # A capital at the start says nothing, but what stands in the place of a name is one.
            mine = [w for w in change.ours if w.text[0].isupper() and w.is_content]
        if mine and other and not any(_alike(m, {o.stem for o in other}) for m in mine):
            return mine[0].text, other[0].text
    return None


def _stands(piece: str, folded: str) -> bool:
    plain = normal_form(piece).casefold()
    return plain in folded or " ".join(plain.split()) in " ".join(folded.split())


def _alike(word: Word, stems: set[str], prefixes: set[str] | None = None) -> bool:
    """Whether one of the stems is the word in another form: all but a short ending is the same."""
    if word.stem in stems:
        return True
    if len(word.stem) < 4 or (prefixes is not None and word.stem[:4] not in prefixes):
        return False
    for stem in stems:
        common = len(_common_prefix(stem, word.stem))
        if common >= 4 and common >= max(len(stem), len(word.stem)) - 2:
            return True
    return False


def _common_prefix(a: str, b: str) -> str:
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return a[:n]


def _initials(name: str, plain: str) -> bool:
    """Whether `plain` spells an abbreviation out: `WMS` for `warehouse management system`."""
    if not name.isupper() or len(name) < 3:
        return False
    initials = "".join(w.lower[0] for w in words(plain) if w.text[0].isalpha())
    return name.casefold() in initials
