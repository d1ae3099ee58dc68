"""How two answers are compared: what was said, without markers, and its words in one spelling.

For ASCII texts this is the normalisation of the official evaluation of SQuAD 2.0 (Rajpurkar, Jia and Liang,
"Know What You Don't Know", ACL 2018; evaluate-v2.0.py): lower case, no punctuation, no `a`, `an`, `the`,
blanks as one space. Beyond ASCII it says nothing, so the same idea is carried on:

- `ragkit.text.normalize` first: NFKC, one spelling of quotes, dashes and spaces, ё as е, case folded;
- punctuation of every script goes (categories P of Unicode), not that of ASCII alone;
- scripts without spaces between words (Chinese, Japanese, Thai …) give one word per character, as in the
  evaluation of MLQA (Lewis et al., ACL 2020) for Chinese.

- a stress mark over a Cyrillic letter, which encyclopaedias set and nobody types, goes.

Russian needs no more: it has no articles, and inflection counts as in the English measure, where `year` is
not `years`.
"""

from __future__ import annotations

import re
import string
import unicodedata

from ragkit.evaluation.outcome import Reply
from ragkit.text.markers import find_markers
from ragkit.text.normalize import normalize

_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_STRESS = re.compile("(?<=[\u0400-\u04ff])[\u0300\u0301]")
_ASCII_PUNCTUATION = frozenset(string.punctuation)
# Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff])"
)


def said(reply: Reply) -> str:
    """What a reply says, without markers; nothing where it abstained, whatever words it used for it."""
    if reply.abstained:
        return ""
    if reply.sentences:
        return " ".join(sentence.text for sentence in reply.sentences)
    text = reply.text
    for marker in reversed(find_markers(text, 0)):
        text = text[: marker.span.start].rstrip() + text[marker.span.end :]
    # How many passages there were is not known here: `years[1]` may cite the first.
    return _MARKER.sub("", text)


def words(text: str) -> list[str]:
    """The words of a text that count when answers are compared.

    >>> words("The  «Ёлка», an old-fashioned tree.")
    ['елка', 'oldfashioned', 'tree']
    """
    folded = text.lower() if text.isascii() else normalize(text, fold_case=True).text
    bare = "".join(c for c in _STRESS.sub("", folded) if not _is_punctuation(c))
    spaced = bare if bare.isascii() else _UNSPACED.sub(r" \1 ", bare)
    return _ARTICLES.sub(" ", spaced).split()


def contains_words(text: list[str], part: list[str]) -> bool:
    """Whether the words of `part` stand in `text` one after the other; never for no words.

    >>> contains_words(["for", "two", "years"], ["two", "years"])
    True
    """
    n = len(part)
    return n > 0 and any(text[i : i + n] == part for i in range(len(text) - n + 1))


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character in _ASCII_PUNCTUATION
    return unicodedata.category(character).startswith("P")
