"""What fits into a number of tokens: the best passages, and the last turns of a conversation.

Where no tokenizer is named, a text counts as much as the larger of two figures: the tokens of the bundled
model's tokenizer (WordPiece, 30,000 pieces of English) and the estimate of `ragkit.text.tokens`. The first
spells Russian almost letter by letter and so counts about twice what large models do; the second knows the
scripts that the first has no pieces for. Together they rarely count too little, so a window is not
overrun, and in Russian about half of a budget stays unused. Name the `tokenizer.json` of your model for exact
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from ragkit.generate.fence import source_of
from ragkit.models.embedder import BUNDLED
from ragkit.models.tokenizer import TextTokenizer
from ragkit.text.tokens import count_tokens
from ragkit.types import Passage, ReadSentence, Span, Turn

# A passage's fence, number and line breaks: two hashes of 16 digits, which tokenizers cut into bits.
FRAME_TOKENS = 40
TURN_TOKENS = 6

Count = Callable[[str], int]


@cache
def counter(tokenizer: Path | None) -> Count:
    """A function that counts the tokens of a text.

    Raises:
        ModelError: the file is no tokenizer.
    """
    if tokenizer is not None:
        own = _loaded(tokenizer)
        return lambda text: own.count([text])[0]
    bundled = _loaded(BUNDLED / "tokenizer.json")
    return lambda text: max(bundled.count([text])[0], count_tokens(text))


def _loaded(path: Path) -> TextTokenizer:
    return TextTokenizer(path)


def fitting_passages(
    passages: Sequence[Passage],
    budget: int,
    *,
    count: Count,
    sentences: Callable[[Passage], Sequence[ReadSentence]],
) -> tuple[Passage, ...]:
    """The first passages that fit, the last of them cut after the sentence that still does.

    The first sentence of all is kept even where it alone is too much: an empty context would pass for
    "nothing found".

    Args:
        passages: best first.
        budget: tokens for all of them.
        count: of a text.
        sentences: those of a passage that lie in what is kept of it, in reading order.
    """
    fitting: list[Passage] = []
    left = budget
    for passage in passages:
        frame = count(source_of(passage)) + FRAME_TOKENS
        cost = frame + count(passage.text)
        if cost > left:
            part = _cut(passage, left - frame, count, sentences(passage), at_least=0 if fitting else 1)
            return (*fitting, part) if part is not None else tuple(fitting)
        fitting.append(passage)
        left -= cost
    return tuple(fitting)


def _cut(
    passage: Passage, budget: int, count: Count, sentences: Sequence[ReadSentence], *, at_least: int
) -> Passage | None:
    end, left = None, budget
    for n, sentence in enumerate(sentences):
        left -= count(sentence.text)
        if left < 0 and n >= at_least:
            break
        end = sentence.span.end
    if end is None:
        return passage if at_least else None
    keep = [Span(span.start, min(span.end, end)) for span in passage.keep if span.start < end]
    return replace(passage, keep=tuple(keep))


def fitting_turns(history: Sequence[Turn], budget: int, *, count: Count) -> tuple[Turn, ...]:
    """The last turns that fit, in order; turns without a text are left out, and the first is a question."""
    fitting: list[Turn] = []
    left = budget
    for turn in reversed([turn for turn in history if turn.text.strip()]):
        left -= count(turn.text) + TURN_TOKENS
        if left < 0:
            break
        fitting.append(turn)
    while fitting and fitting[-1].role == "assistant":
        fitting.pop()
    return tuple(reversed(fitting))
