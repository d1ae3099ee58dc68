"""Answers that broke off, go round in circles, or say nothing."""

from __future__ import annotations

# Scripts import this folder by its name, tests as a part of `evals`.
# ruff: noqa: TID252
import random
from collections.abc import Sequence

from .written import CYRILLIC, Written, faithful

MISHAPS = ("truncated", "repeated", "empty", "refusal", "markers only")


def mishap(kind: str, passages: Sequence[str], rng: random.Random) -> Written | None:
    """An answer that broke off, says things twice, or says nothing."""
    base = faithful(passages, rng)
    if base is None:
        return None
    russian = bool(CYRILLIC.search(base.text))
    text = {
        "truncated": base.text[: rng.randrange(len(base.text) // 2, len(base.text))],
        "repeated": " ".join([base.text] * rng.choice([2, 3, 8])),
        "empty": rng.choice(["", "  \n", "```\n```", "…"]),
        "refusal": rng.choice(_REFUSALS_RU if russian else _REFUSALS_EN),
        "markers only": rng.choice(["[1]", "[1][2] [3]", "[1-3].", "【2】\n【3】"]),
    }[kind]
    return Written(text, base.sentences, kind)


_REFUSALS_EN = (
    "I could not find an answer in the passages.",
    "The passages do not mention this.",
    "There is not enough information in the documents to answer the question.",
    "The provided context does not contain this information.",
)
_REFUSALS_RU = (
    "В предоставленных фрагментах нет ответа на этот вопрос.",
    "Документы не содержат таких сведений.",
    "Недостаточно информации, чтобы ответить.",
    "Я не могу ответить на этот вопрос по этим документам.",
)
