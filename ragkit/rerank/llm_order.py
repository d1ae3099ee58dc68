"""A chat model orders passages against each other, a window of them at a time.

Source: Sun et al., "Is ChatGPT Good at Search? Investigating Large Language Models as Re-Ranking Agents",
EMNLP 2023, section 3: the model writes a permutation; a window slides from the end of the ranking to its
start, so that one pass brings the best passages of all to the front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.chat import Completion
from ragkit.graph.asking import read_json
from ragkit.rerank.llm_asked import Asked
from ragkit.text.thoughts import without_thoughts
from ragkit.types import Hit

ORDER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"order": {"type": "array", "items": {"type": "integer"}}},
    "required": ["order"],
    "additionalProperties": False,
}
_BRACKETED = re.compile(r"\[\s*(\d{1,4})\s*\]")
_NUMBER = re.compile(r"(?<!\d)\d{1,4}(?!\d)")
_LISTED = re.compile(rf"""{_NUMBER.pattern}(?:["'\s]*[>,;]+["'\s]*{_NUMBER.pattern})+""")


@dataclass(frozen=True, slots=True)
class Permutation:
    """An order of `n` things, as positions from 0; whole, whatever was written.

    `is_repaired` says that numbers were missing, twice there or made up.
    """

    positions: tuple[int, ...]
    is_repaired: bool = field(default=False, kw_only=True)


async def windowed(hits: Sequence[Hit], asked: Asked, *, window: int, step: int) -> list[Hit]:
    """The same hits in the model's order; a window that it said nothing usable of keeps its own.

    Args:
        hits: best first.
        asked: asks the model.
        window: hits in a call.
        step: hits by which the next window begins further up, at most `window`.
    """
    order = list(hits)
    start = max(0, len(order) - window)
    while True:
        shown = order[start : start + window]
        done = await asked.reply(shown)
        if done is not None:
            try:
                found = read_order(done, len(shown))
            except ValueError as e:
                asked.refused(done, str(e))
            else:
                asked.used(is_repaired=found.is_repaired)
                order[start : start + window] = [shown[i] for i in found.positions]
        if start == 0:
            return order
        start = max(0, start - step)


def read_order(done: Completion, n: int) -> Permutation:
    """The order of `n` passages that a model wrote: JSON, `[2] > [1]`, or `2, 1`, whole or cut.

    Raises:
        ValueError: it names none of them.

    >>> read_order(Completion("[3] > [1] > [9]", model="m", finish_reason="stop"), 3)
    Permutation(positions=(2, 0, 1), is_repaired=True)
    """
    if done.finish_reason == "content_filter":
        raise ValueError("the provider's filter withheld the reply")
    try:
        named = [int(number) for number in read_json(done, ORDER_SCHEMA)["order"]]
    except ValueError:
        named = _written(without_thoughts(done.text))
    made = repaired([number - 1 for number in named], n)
    if made is None:
        raise ValueError(f"the reply names none of the {n} passages")
    return made


def repaired(positions: Sequence[int], n: int) -> Permutation | None:
    """A permutation of `range(n)` out of any numbers; None where none of them is one of these.

    What is not there is passed over, of what is there twice the first counts, and what is missing follows in
    the order that it had.

    >>> repaired([2, 2, 7], 4)
    Permutation(positions=(2, 0, 1, 3), is_repaired=True)
    """
    named = [i for i in dict.fromkeys(positions) if 0 <= i < n]
    if not named:
        return None
    left = set(range(n)).difference(named)
    whole = (*named, *sorted(left))
    return Permutation(whole, is_repaired=whole != tuple(positions))


def _written(text: str) -> list[int]:
    """The numbers of a reply that is no JSON of the schema: cut JSON, or an order in words of its own."""
    bracketed = _BRACKETED.findall(text)
    if len(bracketed) > 1 or (bracketed and text.strip() == f"[{bracketed[0]}]"):
        return [int(number) for number in bracketed]
    listed = max(_LISTED.findall(text), key=len, default="")
    return [int(number) for number in _NUMBER.findall(listed)]
