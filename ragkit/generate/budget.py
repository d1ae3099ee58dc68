"""What fits into a number of tokens: the best passages, and the last turns of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragkit.models.token_count import Count as Count
from ragkit.models.token_count import counter as counter
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.types import Passage, ReadSentence, Span, Turn

TURN_TOKENS = 6


def fitting_passages(
    passages: Sequence[Passage],
    budget: int,
    *,
    count: Count,
    sentences: Callable[[Passage], Sequence[ReadSentence]],
) -> tuple[Passage, ...]:
    """The best passages that fit, in the order they stand in, the last one cut after the sentence that does.

    The first sentence of all is kept even where it alone is too much: an empty context would pass for
    "nothing found".

    Args:
        passages: in any order, for a stage may put the best ones at both ends; by score the best are taken,
            and of equal ones the earlier.
        budget: tokens for all of them.
        count: of a text.
        sentences: those of a passage that lie in what is kept of it, in reading order.
    """
    fitting: dict[int, Passage] = {}
    left = budget
    for n in sorted(range(len(passages)), key=lambda n: (-passages[n].hit.score, n)):
        passage = passages[n]
        frame = count(source_of(passage)) + FRAME_TOKENS
        cost = frame + count(passage.text)
        if cost > left:
            part = _cut(passage, left - frame, count, sentences(passage), at_least=0 if fitting else 1)
            if part is not None:
                fitting[n] = part
            break
        fitting[n] = passage
        left -= cost
    return tuple(fitting[n] for n in sorted(fitting))


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
