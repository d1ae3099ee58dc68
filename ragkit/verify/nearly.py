"""What a sentence says otherwise than the sentence of its source that is nearest to it, word by word.

A model that copies a sentence and changes one word of it is the commonest error, and the easiest to overlook:
all the words of the change may stand elsewhere in the evidence. So the two are laid side by side, and what
differs between words they share is held against each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.verify.words import Word, words

# The share of the shorter one's words that both have in the same order, for two sentences to be near.
_NEAR, _FEWEST = 0.65, 5
_MOST_WORDS, _MOST_OUTER_WORDS = 6, 3
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Change:
    """Words of a sentence, and the words that its source has in their place; one of the two may be empty."""

    ours: tuple[Word, ...]
    theirs: tuple[Word, ...]


def changes(said: str, sentences: Sequence[str]) -> list[Change]:
    """Where `said` differs from the nearest of `sentences`, between shared words; nothing if none is near.

    >>> [change] = changes("The licence runs for 9 days.", ["The licence runs for 7 days.", "It is 9."])
    >>> change.ours[0].text, change.theirs[0].text
    ('9', '7')
    """
    ours = [word for word in words(said) if not word.is_break][:_LONGEST]
    best: tuple[float, list[Word], difflib.SequenceMatcher[str]] | None = None
    stems = [word.stem for word in ours]
    for sentence in sentences:
        theirs = [word for word in words(sentence) if not word.is_break][:_LONGEST]
        matcher = difflib.SequenceMatcher(None, stems, [w.stem for w in theirs], autojunk=False)
        matched = sum(block.size for block in matcher.get_matching_blocks())
        shorter = max(_FEWEST, min(len(ours), len(theirs)))
        nearness = matched / shorter + 0.01 * matcher.ratio()
        if best is None or nearness > best[0]:
            best = (nearness, theirs, matcher)
    if best is None or best[0] < _NEAR:
        return []
    return _between(ours, best[1], best[2].get_opcodes())


def _between(
    ours: Sequence[Word], theirs: Sequence[Word], codes: Sequence[tuple[str, int, int, int, int]]
) -> list[Change]:
    found: list[Change] = []
    for i, (tag, a, b, c, d) in enumerate(codes):
        is_outer = i in (0, len(codes) - 1)
        # Before and after what they share, a sentence may say more: only a short piece is a change.
        longest = _MOST_OUTER_WORDS if is_outer else _MOST_WORDS
        if tag == "equal" or b - a > _MOST_WORDS or d - c > longest or (is_outer and tag == "delete" and i):
            continue
        found.append(Change(tuple(ours[a:b]), tuple(theirs[c:d])))
    return found
