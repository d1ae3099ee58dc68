"""A reply that arrives in pieces: what of it is sure to belong to the answer.

Held back are the thoughts of a model of reasoning, all that may be its word for "the passages do not say",
and a marker that is not closed yet.
"""

from __future__ import annotations

import re

from ragkit.generate.reply import ABSTAINING, NO_ANSWER
from ragkit.text.thoughts import without_thoughts

_THINKING = ("<think>", "<thinking>", "<reasoning>")
_OPEN_MARKER = re.compile(r"[\[【［][^\[\]【】［］\n]{0,40}\Z")
_LONGEST_HELD = 64
_BROKEN_MARKER = re.compile(r"\s*[\[【［]\^?[\d\s,;–-]*\Z")


class Arriving:
    """Takes pieces of a reply, cut anywhere, and gives what of them may be told.

    >>> arriving = Arriving()
    >>> [arriving.take(piece) for piece in ("<thi", "nk>Hm.</think> Two", " years. [", "1]")]
    ['', 'Two', ' years.', ' [1]']
    """

    def __init__(self) -> None:
        self._text = ""
        self._told = ""

    def take(self, piece: str) -> str:
        """What is new and sure."""
        self._text += piece
        sure = _sure(self._text)
        new = sure[len(self._told) :]
        self._told += new
        return new

    def rest(self, answer: str) -> str:
        """What was held back of a reply that was read as this answer; a marker without an end is none."""
        rest = answer[len(self._told) :] if answer.startswith(self._told) else ""
        return _BROKEN_MARKER.sub("", rest)


def _sure(text: str) -> str:
    begun = text.lstrip().lower()
    if any(tag.startswith(begun) for tag in _THINKING):
        return ""
    text = without_thoughts(text)
    if ABSTAINING.match(text):
        return ""
    text = ABSTAINING.sub("", text).rstrip()
    while (held := _held(text)) is not None:
        text = text[: held.start()].rstrip()
    return text


def _held(text: str) -> re.Match[str] | None:
    near = max(0, len(text) - _LONGEST_HELD)
    return _ABSTAINING_BEGUN.search(text, near) or _OPEN_MARKER.search(text, near)


def _beginnings(word: str) -> str:
    """A pattern of everything that `word` may begin with, itself included; a blank may stand for `_`."""
    pattern = ""
    for char in reversed(word):
        pattern = f"(?:{'[ _]' if char == '_' else char}{pattern})?" if pattern else f"{char}?"
    return pattern


_ABSTAINING_BEGUN = re.compile(
    rf"(?:[*_`\"'«\[(]+{_beginnings(NO_ANSWER)}|(?<![^\W_]){_beginnings(NO_ANSWER).removesuffix('?')})\Z"
)
