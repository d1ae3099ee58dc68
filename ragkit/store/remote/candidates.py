"""The chunks to which a query's words add most, on servers that find what holds a token and score nothing.

Of each word a chunk says how much it may add, in `LEVELS` steps (`tokens.impact_tokens`). What may add most
is asked for first, and as soon as all that was not asked for cannot come up to what is known, that is enough:
common words, which add little, are seldom read. The bound is that of MaxScore (Turtle and Flood 1995, Query
evaluation: strategies and optimizations).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence

from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import Found
from ragkit.store.remote.tokens import LEVELS, impact_token

Fetch = Callable[[Sequence[str]], Iterable[Found]]


def best_of(weights: Mapping[str, float], limit: int, fetch: Fetch) -> list[Found]:
    """The `limit` chunks with the greatest sums, greatest first; all where fewer hold one of the words.

    Args:
        weights: how much each word of the query counts, greater than 0.
        limit: at least 1.
        fetch: gives all chunks that hold one of some tokens, with what `points.COUNTED` names.
    """
    left = sorted(
        (
            (weight * (level + 1) / LEVELS, word, level)
            for word, weight in weights.items()
            for level in range(LEVELS)
        ),
        reverse=True,
    )
    tops = dict.fromkeys(weights, LEVELS)  # of each word the levels that were not asked for
    known: dict[str, Found] = {}
    n_tokens = max(LEVELS, len(weights))
    while left:
        asked, left = left[:n_tokens], left[n_tokens:]
        for hit in fetch([impact_token(word, level) for _, word, level in asked]):
            name = f"{hit.payload['id']} {hit.payload['from']}"
            if name not in known:
                known[name] = _scored(hit, weights)
        for _, word, level in asked:
            tops[word] = min(tops[word], level)
        rest = sum(weight * tops[word] / LEVELS for word, weight in weights.items())
        found = heapq.nlargest(limit, known.values(), key=lambda hit: hit.score)
        if len(found) == limit and found[-1].score >= rest:
            return found
        n_tokens *= 2
    return heapq.nlargest(limit, known.values(), key=lambda hit: hit.score)


def _scored(hit: Found, weights: Mapping[str, float]) -> Found:
    added = term_weights(hit.payload, among=weights)
    score = sum(weights[word] * amount for word, amount in added.items())
    return Found(hit.payload, read_vector=hit.read_vector, score=score)
