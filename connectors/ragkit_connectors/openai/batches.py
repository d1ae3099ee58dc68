"""Texts in requests that are small enough: so many at a time, and so many tokens together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragkit.text.tokens import count_tokens

# No script that is known here has more tokens than twice its characters.
_MOST_PER_CHARACTER = 2


def batches_of(texts: Sequence[str], *, size: int, tokens: int) -> Iterator[range]:
    """Runs of texts, in order; a text that has more tokens than `tokens` is one by itself.

    Args:
        texts: what is sent.
        size: texts in one at most.
        tokens: in one at most, as `ragkit.text.tokens` estimates them.

    >>> list(batches_of(["one", "two", "three", "a word or two"], size=2, tokens=100))
    [range(0, 2), range(2, 4)]
    >>> list(batches_of(["one", "two " * 50, "three"], size=8, tokens=20))
    [range(0, 1), range(1, 2), range(2, 3)]
    """
    if max(map(len, texts), default=0) * size * _MOST_PER_CHARACTER <= tokens:
        counts = [0] * len(texts)
    else:
        counts = [count_tokens(text) for text in texts]
    start, total = 0, 0
    for i, count in enumerate(counts):
        if i > start and (i - start == size or total + count > tokens):
            yield range(start, i)
            start, total = i, 0
        total += count
    if start < len(texts):
        yield range(start, len(texts))


def halves(batch: range) -> tuple[range, range]:
    """A batch cut in two.

    >>> halves(range(0, 5))
    (range(0, 2), range(2, 5))
    """
    middle = batch.start + len(batch) // 2
    return range(batch.start, middle), range(middle, batch.stop)
