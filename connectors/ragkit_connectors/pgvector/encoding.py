"""Texts as the database holds them: any Python text goes in, and comes back as it was.

PostgreSQL's text refuses NUL and half surrogate pairs. So names and contents are bytes (UTF-8, whose order is
that of code points), and the texts within JSON have their NULs spelled in a way that keeps equality and "is
a part of" what they are.
"""

from __future__ import annotations

import hashlib
import re

# Characters that no text uses. Each word begins with the first, ends with the last, and has neither within:
# so no word is found inside of another, nor across two, and a part of a text stays a part of its spelling.
_OPEN, _MARK, _CLOSE = "\U0010fffd", "\U0010fffe", "\U0010ffff"
_WORDS = {
    "\0": f"{_OPEN}{_MARK}{_CLOSE}",
    _OPEN: f"{_OPEN}{_MARK * 2}{_CLOSE}",
    _MARK: f"{_OPEN}{_MARK * 3}{_CLOSE}",
    _CLOSE: f"{_OPEN}{_MARK * 4}{_CLOSE}",
}
_CHARACTERS = {word: character for character, word in _WORDS.items()}
_SPELLED = re.compile("|".join(map(re.escape, _WORDS)))
_WORD = re.compile(f"{_OPEN}{_MARK}+{_CLOSE}")
_HALF = re.compile("[\ud800-\udfff]")
_LONGEST_TERM = 512  # bytes; an index of PostgreSQL takes keys of some 2,700


def to_bytes(text: str) -> bytes:
    """A text as UTF-8; half surrogate pairs survive."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """The text that `to_bytes` gave the bytes of."""
    return data.decode("utf-8", "surrogatepass")


def spelled(text: str) -> str:
    """A text as JSON of the database can hold it: `a in b` exactly where `spelled(a) in spelled(b)`.

    >>> unspelled(spelled("a" + chr(0) + "b")) == "a" + chr(0) + "b"
    True
    """
    return _SPELLED.sub(lambda found: _WORDS[found.group()], text)


def unspelled(text: str) -> str:
    """The text that was spelled."""
    return _WORD.sub(lambda found: _CHARACTERS[found.group()], text)


def sendable(text: str) -> str:
    """What is asked for, spelled, as the server takes it: each half surrogate pair becomes a word of its own.

    Nothing that is stored holds one, so what holds one is found nowhere.
    """
    return _HALF.sub(lambda found: f"{_OPEN}{_MARK * (5 + ord(found.group()) - 0xD800)}{_CLOSE}", text)


def term_key(term: str) -> bytes:
    """A term as the database looks it up: its bytes, or their digest where they are too many for an index."""
    data = to_bytes(term)
    if len(data) <= _LONGEST_TERM:
        return data
    # No UTF-8 begins with this byte.
    return b"\xff" + hashlib.sha256(data).digest()
