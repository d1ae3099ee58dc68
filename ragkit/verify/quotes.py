"""Quotations: what a sentence puts in quotation marks must stand in its source, word for word."""

from __future__ import annotations

from ragkit.text.markers import quoted_spans
from ragkit.text.spans import find_quote

_FEWEST_WORDS = 3


def false_quotes(said: str, source: str) -> list[str]:
    """The quotations of three words and more that `source` does not have; typography may differ.

    A title in capitals (“The Lord of the Rings”) is a name, not a quotation.

    Parts of a quotation on both sides of an ellipsis are looked for one by one.

    >>> false_quotes("It says “works for 99 more days”.", "Lantern works for 21 more days.")
    ['works for 99 more days']
    """
    found: list[str] = []
    for span in quoted_spans(said):
        quotation = said[span.start + 1 : span.end - 1].strip()
        if len(quotation.split()) < _FEWEST_WORDS or _is_title(quotation):
            continue
        parts = quotation.replace("[…]", "…").replace("[...]", "…").replace("...", "…").split("…")
        if not all(find_quote(source, part.strip(" .,;")) for part in parts if part.strip(" .,;")):
            found.append(quotation)
    return found


def _is_title(quotation: str) -> bool:
    words = [word for word in quotation.split() if word[0].isalpha() and len(word) > 3]
    return bool(words) and all(word[0].isupper() for word in words)
