"""Faithful answers: sentences of passages in words that leave their meaning, with markers in any shape."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_STOP = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ0-9«\"])")
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


@dataclass(frozen=True)
class Written:
    """An answer and what it should be known for.

    Args:
        text: with its markers.
        sentences: without markers, as (text, number of the passage it is from).
        kind: of the corruption; empty for a faithful answer.
        corrupted: position of the corrupted sentence.
        wrong: the passage that it wrongly points to, for an index of another passage.
    """

    text: str
    sentences: tuple[tuple[str, int], ...]
    kind: str = ""
    corrupted: int = -1
    wrong: int = 0


def sentences_of(passage: str) -> list[str]:
    """Sentences of a passage that can stand by themselves: prose of 6 to 45 words that ends in a mark."""
    found: list[str] = []
    for line in passage.splitlines():
        line = line.strip()
        if not line or line[0] in "#|>`-*[" or "|" in line or "`" in line:
            continue
        for sentence in _STOP.split(line):
            sentence = sentence.strip().replace("**", "").replace("*", "")
            whole = 6 <= len(sentence.split()) <= 45 and sentence[-1] in ".!" and sentence[0].isupper()
            if whole and sentence.count("(") == sentence.count(")") and sentence.count('"') % 2 == 0:
                found.append(sentence)
    return found


def faithful(passages: Sequence[str], rng: random.Random) -> Written | None:
    """An answer of one to three sentences that its passages bear out; None where they have too few."""
    pool = [(s, n) for n, passage in enumerate(passages, start=1) for s in sentences_of(passage)]
    if len(pool) < 3:
        return None
    picked = rng.sample(pool, rng.choice([1, 2, 2, 3]))
    told = [(reworded(sentence, rng), n) for sentence, n in picked]
    return Written(rendered(told, rng), tuple(told))


def reworded(sentence: str, rng: random.Random) -> str:
    """The sentence in other words of the same meaning."""
    russian = bool(CYRILLIC.search(sentence))
    for pattern, replacement in _SAME_RU if russian else _SAME_EN:
        if rng.random() < 0.6:
            sentence = re.sub(pattern, replacement, sentence)
    if rng.random() < 0.3:
        sentence = re.sub(r"(?<=\d),(?=\d{3}\b)", "" if rng.random() < 0.5 else " ", sentence)
    if rng.random() < 0.2:
        sentence = re.sub(r"\s\([^()]{3,60}\)", "", sentence)
    if rng.random() < 0.25:
        sentence = re.split(r"[;—] | – |, but |, но ", sentence)[0].rstrip(" ,.;") + "."
    if rng.random() < 0.25:
        lead = rng.choice(_LEAD_RU if russian else _LEAD_EN)
        keeps = not re.match(
            r"(The|A|An|It|If|When|In|On|For|Each|Every|This|В|На|Если|Для|При|Это|Каждый)\b", sentence
        )
        sentence = lead + (sentence if keeps else sentence[0].lower() + sentence[1:])
    return sentence


_SAME_EN = (
    (r"\bcannot\b", "can't"),
    (r"\bdoes not\b", "doesn't"),
    (r"\bis not\b", "isn't"),
    (r"\bare not\b", "aren't"),
    (r"\bdo not\b", "don't"),
    (r"\bmust\b", "has to"),
    (r" %", "%"),
    (r"(\d) ?% ", r"\1 percent "),
    (r"\babout\b", "roughly"),
    (r"\bbecause\b", "since"),
    (r"\balso\b ", ""),
    (r"\bhowever, ", ""),
    (r"\btherefore\b", "so"),
    (r"\bfor example\b", "for instance"),
)
_SAME_RU = (
    (r"\bтакже ", ""),
    (r"\bпоскольку\b", "так как"),
    (r"\bпотому что\b", "так как"),
    (r" %", "%"),
    (r"(\d) ?% ", r"\1 процентов "),
    (r"\bнапример, ", ""),
    (r"\bпримерно\b", "около"),
    (r"ё", "е"),
)
_LEAD_EN = ("According to the documentation, ", "Note that ", "In short, ", "Yes: ", "As documented, ")
_LEAD_RU = ("Согласно документации, ", "Обратите внимание: ", "Коротко: ", "Да, ", "Как указано, ")


def rendered(
    told: Sequence[tuple[str, int]], rng: random.Random, numbers: Sequence[int | str] | None = None
) -> str:
    """The sentences with a marker each, in one of the shapes that models write."""
    shape = rng.choice(_SHAPES)
    marks = [shape(str(n)) for n in (numbers or [n for _, n in told])]
    style = rng.choice(["prose", "prose", "prose", "list", "bold", "first"])
    if style == "list":
        return "\n".join(f"- {s} {m}" for (s, _), m in zip(told, marks, strict=True))
    if style == "bold":
        return " ".join(f"{_bold(s, rng)} {m}" for (s, _), m in zip(told, marks, strict=True))
    if style == "first":
        return "\n".join(f"{m} {s}" for (s, _), m in zip(told, marks, strict=True))
    inside = rng.random() < 0.5
    return " ".join(
        f"{s[:-1]} {m}{s[-1]}" if inside else f"{s} {m}" for (s, _), m in zip(told, marks, strict=True)
    )


_SHAPES: tuple[Callable[[str], str], ...] = (
    lambda n: f"[{n}]",
    lambda n: f"[{n}]",
    lambda n: f"【{n}】",
    lambda n: f"[^{n}]",
    lambda n: f"[doc {n}]",
    lambda n: f"[Source {n}]",
    lambda n: f"[{n}][{n}]",
    lambda n: f"(source {n})",
    lambda n: f"[источник {n}]",
)


def _bold(sentence: str, rng: random.Random) -> str:
    words = sentence.split(" ")
    i = rng.randrange(len(words) - 1)
    words[i] = f"**{words[i]}**" if words[i].isalnum() else words[i]
    return " ".join(words)
