"""How many tokens a chat model makes of a text, with its own tokenizer or on the safe side.

Where no tokenizer is named, a text counts as much as the larger of two figures: the tokens of the bundled
model's tokenizer (WordPiece, 30,000 pieces of English) and the estimate of `ragkit.text.tokens`. The first
spells Russian almost letter by letter and so counts about twice what large models do; the second knows the
scripts that the first has no pieces for. Together they rarely count too little, so a window is not
overrun, and in Russian about half of a budget stays unused. Name the `tokenizer.json` of your model for exact
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from ragkit.chat import Message
from ragkit.models.embedder import BUNDLED
from ragkit.models.tokenizer import TextTokenizer
from ragkit.text.tokens import count_tokens

# What a chat template puts around a message: its role, and where it begins and ends.
MESSAGE_TOKENS = 6

Count = Callable[[str], int]


@cache
def counter(tokenizer: Path | None) -> Count:
    """A function that counts the tokens of a text.

    Raises:
        ModelError: the file is no tokenizer.
    """
    if tokenizer is not None:
        own = TextTokenizer(tokenizer)
        return lambda text: own.count([text])[0]
    bundled = TextTokenizer(BUNDLED / "tokenizer.json")
    return lambda text: max(bundled.count([text])[0], count_tokens(text))


def prompt_tokens(messages: Sequence[Message], count: Count) -> int:
    """The tokens of a whole conversation.

    >>> prompt_tokens([Message("user", "How long?")], lambda text: 3)
    9
    """
    return sum(count(message.text) + MESSAGE_TOKENS for message in messages)
