"""The words that tell a passage from others, as somebody would type them into a search box."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

_WORD = re.compile(r"[^\W\d_][\w'-]{2,}")


def telling_words(
    text: str,
    terms: Callable[[str], Sequence[str]],
    weights: Callable[[Sequence[str]], Mapping[str, float]],
    rng: np.random.Generator,
    *,
    fewest: int = 3,
    most: int = 6,
    least_terms: int = 12,
) -> list[str]:
    """Between `fewest` and `most` of the most telling words of a text, each as it is first spelt there.

    Args:
        text: a passage.
        terms: gives the analysed words of a text, as an index holds them.
        weights: gives the idf of terms.
        rng: of how many are taken, which and in what order.

    Returns:
        None of them where the text has fewer than `least_terms` different words.
    """
    spelt: dict[str, str] = {}
    counts: dict[str, int] = {}
    # A stop word has a term of its own where it stands alone, and none in a text.
    in_text = set(terms(text))
    for word in _WORD.findall(text):
        for term in terms(word)[:1]:
            if term in in_text:
                spelt.setdefault(term, word)
                counts[term] = counts.get(term, 0) + 1
    if len(spelt) < least_terms:
        return []
    known = weights(sorted(spelt))
    telling = sorted(spelt, key=lambda term: (-known[term] * (1 + np.log(counts[term])), term))
    wanted = int(rng.integers(fewest, most + 1))
    # Out of the most telling: the rarest alone are often typing errors and names of one place.
    among = telling[: 3 * wanted]
    taken = rng.choice(len(among), min(wanted, len(among)), replace=False).tolist()
    picked = [among[i] for i in sorted(taken)]
    rng.shuffle(picked)
    return [spelt[term] for term in picked]
