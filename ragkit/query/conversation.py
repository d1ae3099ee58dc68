"""The turns before a question, as stages look back at them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ragkit.text.wording import is_abstention
from ragkit.types import Turn

TURNS_SHOWN = 8
TURN_CHARS = 1500
# A marker of an earlier answer points to passages that are not there any more.
_MARKER = re.compile(r"\s*\[\d{1,3}(?:[,;\s\-–]+\d{1,3})*\]")


def as_json(history: Sequence[Turn], *, most: int = TURNS_SHOWN) -> str:
    """The last turns as a prompt shows them: JSON, in which no text can pass for another part of the prompt.

    >>> as_json([Turn("user", "How long?"), Turn("assistant", "Two years. [1]")])
    '[{"role": "user", "text": "How long?"}, {"role": "assistant", "text": "Two years."}]'
    """
    shown = [{"role": turn.role, "text": said(turn)[:TURN_CHARS]} for turn in history[-most:]]
    return json.dumps(shown, ensure_ascii=False)


def said(turn: Turn) -> str:
    """What was said in a turn, without citation markers and line breaks."""
    text = turn.text if turn.role == "user" else _MARKER.sub("", turn.text)
    return " ".join(text.split())


def former_questions(history: Sequence[Turn]) -> list[str]:
    """What was asked before, the latest first."""
    return [text for turn in reversed(history) if turn.role == "user" and (text := said(turn))]


def last_answer(history: Sequence[Turn]) -> str:
    """What was answered to the latest question; empty where nothing was, or where it was an abstention."""
    for turn in reversed(history):
        text = said(turn)
        if turn.role == "user" and text:
            return ""
        if turn.role == "assistant" and text:
            return "" if is_abstention(text) else text
    return ""
