"""What a model of reasoning writes before its reply, where it is served without a parser for it."""

from __future__ import annotations

import re

_THOUGHTS = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """A reply without the thoughts that a model wrote before it.

    >>> without_thoughts("<think>Hm.</think> Two years.")
    'Two years.'
    """
    return _THOUGHTS.sub("", text).strip()
