"""The words that negate, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.verify.words import Word

_CUE_WORDS = (
    "not no never without cannot neither nor none nobody nothing nowhere hardly unable не нет ни без вместо"
    " никогда нельзя невозможно никто никого ничего ничто нигде никак никакой никакие никаких"
)
_CUES = frozenset(_CUE_WORDS.split())
_CUE_PAIRS = frozenset(
    {
        ("rather", "than"),
        ("instead", "of"),
        ("out", "of"),
        ("left", "out"),
        ("leave", "out"),
        ("leaves", "out"),
    }
)
_NO_CUE_BEFORE_WORDS = (
    "only more later less fewer earlier longer than matter doubt just только более менее позднее позже ранее"
    " раньше больше меньше реже чаще выше ниже"
)
_NO_CUE_BEFORE = frozenset(_NO_CUE_BEFORE_WORDS.split())
DENIES = (
    "refus", "reject", "forbid", "forbidden", "prohibit", "exclud", "except", "prevent", "deni", "unavail",
    "unsupport", "unchang", "impossibl", "lack", "absent", "missing", "fail", "ban", "disabl", "unless",
    "instead", "separ", "void", "lose", "forfeit", "block",
    "запрещ", "запрет", "отказ", "отклон", "исключ", "кром", "отсутств", "недоступ", "невозмож", "блокир",
    "отключ", "лиша", "лиш", "пропад", "теря", "недопуст", "необязат", "необрат",
)  # fmt: skip

# They negate the one thing after them, not the clause: `works without restriction`.
SCOPED: Final = frozenset({"without", "без", "rather", "instead", "out", "вместо"})
# A condition is not told as a fact.
_CONDITION_WORDS = "if when whenever unless until once если когда пока"
CONDITIONS: Final = frozenset(_CONDITION_WORDS.split())
# `Only X may` and `nobody but X may` say the same.
_EXCLUSIVE_WORDS = "only solely except but лишь только кроме исключением"
EXCLUSIVE: Final = frozenset(_EXCLUSIVE_WORDS.split())
_VERBS = (
    "refus", "reject", "forbid", "forbidden", "prohibit", "disallow", "exclud", "prevent", "deni", "block",
    "unavail", "unsupport", "imposs", "lack", "запрещ", "запрет", "отказ", "отклон", "исключ", "отсутств",
    "недоступ", "невозмож", "блокир", "недопуст", "необязат",
)  # fmt: skip
_UN = re.compile(r"(?:un(?!der|til|less|it|iq|ion|iver)|non-?)[a-z]{3,}(?:ed|able|ible)")


def _is_comparative(word: str, after: Sequence[Word]) -> bool:
    """`no older than` and `не старее` are bounds."""
    return (word.endswith("er") and bool(after) and after[0].lower == "than") or (
        len(word) > 4 and word.endswith("ее")
    )


def in_condition(listed: Sequence[Word], word: Word) -> bool:
    """Whether a word stands in a condition, which is not told as a fact: `if it has no barcode`."""
    for before in reversed(listed[: listed.index(word)]):
        if before.is_break:
            return False
        if before.lower in CONDITIONS:
            return True
    return False


def is_cue(word: Word) -> bool:
    """Whether a word may negate, whatever it stands before."""
    return word.lower in _CUES or word.lower.endswith("n't")


def is_denial(word: Word) -> bool:
    """Whether a word by itself negates its clause: `refuses`, `unencrypted`, `запрещено`."""
    return word.stem.startswith(_VERBS) or _UN.fullmatch(word.lower) is not None


def is_negation(listed: Sequence[Word], i: int) -> bool:
    """Whether the word at `i` negates what follows."""
    lower = listed[i].lower
    following = listed[i + 1].lower if i + 1 < len(listed) else ""
    if (lower, following) in _CUE_PAIRS:
        return True
    if not is_cue(listed[i]):
        return False
    before = listed[i - 1].lower if i else ""
    if following in CONDITIONS or _is_comparative(following, listed[i + 2 : i + 3]):
        return False
    return following not in _NO_CUE_BEFORE and before not in {"or", "или", "whether", "ли"}
