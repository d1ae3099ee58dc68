"""Whether a `.`, `!`, `?`, `…` or a relative of theirs in another script ends the sentence it stands in.

It does not where the sentence goes on: before a lower case letter, after an abbreviation
(`ragkit.text.abbreviations`), an initial or the number of a list item, and in an aside in brackets or a title
in quotes. What is looked at around a mark has a bounded length, so a text costs linear time.
"""

from __future__ import annotations

import re

from ragkit.text.abbreviations import (
    AFTER_TIME,
    BEFORE_NUMBER,
    CLOSING,
    IN_NAMES,
    LEADING,
    LETTERED,
    MONTHS,
    OPENERS,
    SAID,
)

_CLOSERS = "\"'»”’“)\\]}*_"
# Possessive runs: a failed attempt never goes back, so a million periods cost a million steps.
MARK = re.compile(
    rf"(?<![.!?…])(?P<mark>[.!?…]++)(?:[{_CLOSERS}]|\[\d{{1,3}}\])*+(?=\s|\Z|(?<=[а-яё][.!?…])[А-ЯЁ])"
    r"|[。！？｡]++[」』）”’】》〉]*+(?![とっ])"
    r"|[؟۔।॥։።။៕]++[\"'»”’)\]]*+(?=\s|\Z)"
)
"""A run of marks with the brackets and quotes that close after it; group `mark` is unset for marks that
nothing but the end of a sentence can have."""

_NEXT_WORD = re.compile(r"[\"'«»“”„‘’(\[{*_—–\- ]{0,6}+(?P<word>[^\W\d_]*)")
_NEXT_ITEM = re.compile(r"\(?[a-zа-я]\) ")
_SAID_NEXT = re.compile(r"[\s,]*[^\W\d_]+\s+([a-z]+)")
_MARKER = re.compile(r"[(\[]?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[ivxlcIVXLC]{1,5}|[A-Za-zА-Яа-я])[.)]+")
_OPENING_DATE = re.compile(r"(?:[а-яА-Я]{1,8} ){0,2}\d{3,4}(?:[–—-]\d{2,4})? гг?\.")
_AFTER_NUMBER = re.compile(r"\d\s?\Z")
_AFTER_ROMAN = re.compile(r"[IVXХ]{1,5}\s\Z")
_AFTER_T = re.compile(r"(?:\b[тнТН])\.\s?\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_BEFORE, _AFTER, _QUOTE_REACH, _LONGEST_MARKER = 40, 40, 200, 24
_OPENING_OF = {"»": "«", "”": "“", "“": "„", ")": "(", "]": "[", '"': '"'}


def ends_sentence(text: str, begun: int, match: re.Match[str], following: int, language: str | None) -> bool:
    """Whether the `MARK` of `match` ends the sentence that began at `begun`.

    `following` is where the next visible character stands. `language` "de" lets a sentence go on after an
    ordinal number.
    """
    mark, at = match["mark"], match.start()
    if mark is None:
        return True
    shown = text[following : following + _AFTER]
    found = _NEXT_WORD.match(shown)
    word = found["word"] if found else ""
    if word[:1].islower():
        return bool(_NEXT_ITEM.match(shown))
    if match.end() - begun < _LONGEST_MARKER and _MARKER.fullmatch(text, begun, match.end()):
        return False
    if mark != ".":
        return not _is_aside(text, begun, match, word, shown)
    if text[match.end("mark") : match.end("mark") + 1] in ('"', "'", "»", "”", "’"):
        return True
    before = _word_before(text[max(begun, at - _BEFORE) : at])
    return not _goes_on(text, begun, at, before, word, shown, language)


def _word_before(window: str) -> str:
    if not window or window[-1].isspace():
        return ""
    word = window.rsplit(None, 1)[-1]
    return re.split(r"[(\[{«»“”\"„]", word)[-1].lstrip("-–—'’*_")


def _is_aside(text: str, begun: int, match: re.Match[str], word: str, shown: str) -> bool:
    """«Что делать?» Чернышевского, Kate (sic!) Smith, "Stop!" John said."""
    if match.end() == match.end("mark"):
        return False
    opening = _OPENING_OF.get(text[match.end("mark")])
    if opening is None or word.lower() in OPENERS:
        return False
    opened = text.rfind(opening, max(begun, match.start() - _QUOTE_REACH), match.start())
    if opened <= begun:
        said = _SAID_NEXT.match(shown)
        return said is not None and said[1] in SAID
    lead = text[max(begun, opened - 2) : opened].rstrip()
    return bool(lead) and (lead[-1].isalnum() or opening in "([")


def _goes_on(
    text: str, begun: int, at: int, before: str, word: str, shown: str, language: str | None
) -> bool:
    """Whether the sentence goes on after `before` and the period at `at`; `word` is the next one."""
    lower = before.lower().replace("ё", "е")
    # "А. С. Пушкин": the С is an initial and not the preposition that opens a sentence.
    opens = word.lower() in OPENERS and f"{word}." not in shown[: len(word) + 3]
    capital, digit = word[:1].isupper(), shown[:1].isdecimal() or shown[:1] == "№"
    start = at - len(before)
    if lower.isdecimal():
        german = language == "de" and len(lower) <= 2 and capital and not opens
        return german or (len(lower) <= 2 and word.lower() in MONTHS)
    if len(lower) <= 2 and (known := _russian_letters(text, begun, start, lower, capital, opens)) is not None:
        return known
    if len(lower) == 1 and before.isupper():
        if before == "I" or opens:
            return False
        return _word_before(text[max(begun, start - _BEFORE) : start].rstrip()).lower() not in LETTERED
    if lower in BEFORE_NUMBER and digit:
        return True
    if lower in IN_NAMES or (lower not in CLOSING and _DOTTED.fullmatch(before)):
        return not opens
    if lower == "пр" and capital and not re.search(r"\bи\s\Z", text[max(begun, start - 3) : start]):
        return not opens
    if lower in LEADING:
        return True
    return lower in CLOSING and (not capital or (lower in ("a.m", "p.m") and word.lower() in AFTER_TIME))


def _russian_letters(
    text: str, begun: int, start: int, lower: str, capital: bool, opens: bool
) -> bool | None:
    """Whether a sentence goes on after `г.`, `т. д.`, `XX в.` and the like; None for anything else."""
    lead = text[max(begun, start - 8) : start]
    if lower in ("г", "гг") and _AFTER_NUMBER.search(lead):
        # "В 1990 г. Москва …" goes on, "… родился в 1990 г. Москва …" does not.
        is_opening = start + 3 - begun < 40 and _OPENING_DATE.fullmatch(text, begun, start + len(lower) + 1)
        return not capital or (bool(is_opening) and not opens)
    if lower in ("в", "вв") and _AFTER_ROMAN.search(lead):
        return not capital
    if lower in ("д", "п", "е", "к", "н", "э", "о") and _AFTER_T.search(lead):
        return lower in "екно" or not capital
    if lower in ("с", "ч", "м", "л", "р", "т", "см") and _AFTER_NUMBER.search(lead):
        return not capital
    return None
