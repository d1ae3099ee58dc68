"""Answers as a language model would write them from passages, faithful ones and ones that went wrong.

Nothing here comes from what checks them: sentences are cut, numbers, names and negations found by rules of
this file alone, so that a blind spot of the checks is not one of the test too.

A faithful answer takes sentences of its passages and words them in ways that leave the meaning: another
spelling of numbers, contractions, lead-ins, lists, a part alone, a marker in any shape. A corruption changes
one sentence of it and says which.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

KINDS = (
    "index out of range",
    "index of another passage",
    "number",
    "unit",
    "date",
    "entity",
    "negation",
    "comparative",
    "quotation",
    "invention",
    "link",
)
MISHAPS = ("truncated", "repeated", "empty", "refusal", "markers only")

_STOP = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ0-9«\"])")
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_NUMERAL = re.compile(r"(?<![\w.,:/-])\d{1,3}(?:[,   ]\d{3})+(?![\w,])|(?<![\w.,:/-])\d+(?![\w:/-]|[.,]\d)")
_MONTHS = (
    "January February March April May June July August September October November December",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)


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
    russian = bool(_CYRILLIC.search(sentence))
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


def corrupted(kind: str, passages: Sequence[str], names: Sequence[str], rng: random.Random) -> Written | None:
    """A faithful answer with one sentence corrupted; None where none of its sentences lends itself to it."""
    base = faithful(passages, rng)
    if base is None:
        return None
    told = list(base.sentences)
    at = rng.randrange(len(told))
    sentence, number = told[at]
    numbers: list[int | str] = [n for _, n in told]
    wrong = 0
    if kind == "index out of range":
        numbers[at] = rng.choice([0, len(passages) + 1, len(passages) + 4, 99])
    elif kind == "index of another passage":
        others = [
            n for n in range(1, len(passages) + 1) if n != number and not _says(passages[n - 1], sentence)
        ]
        if not others:
            return None
        numbers[at] = wrong = rng.choice(others)
    else:
        changed = _CHANGES[kind](sentence, passages[number - 1], names, rng)
        if changed is None or changed == sentence or changed in "\n".join(passages):
            return None
        told[at] = (changed, number)
    return Written(rendered(told, rng, numbers), tuple(told), kind, at, wrong)


def mishap(kind: str, passages: Sequence[str], rng: random.Random) -> Written | None:
    """An answer that broke off, says things twice, or says nothing."""
    base = faithful(passages, rng)
    if base is None:
        return None
    russian = bool(_CYRILLIC.search(base.text))
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


def _says(passage: str, sentence: str) -> bool:
    """Whether a passage shares so many words with a sentence that it may well say the same."""
    asked = set(re.findall(r"\w{4,}", sentence.lower()))
    return len(asked & set(re.findall(r"\w{4,}", passage.lower()))) >= 0.5 * len(asked)


def _number(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = list(_NUMERAL.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    old = int(re.sub(r"\D", "", match[0]))
    elsewhere = [int(re.sub(r"\D", "", m)) for m in _NUMERAL.findall(passage)]
    near = [n for n in elsewhere if n != old and not re.search(rf"(?<!\d){n}(?!\d)", sentence)]
    new = rng.choice([old + 1, old * 2 + 1, old * 10, max(2, old - 3), old + 12, *near[:2]])
    if new == old or re.search(rf"(?<!\d){new}(?!\d)", sentence):
        return None
    return sentence[: match.start()] + str(new) + sentence[match.end() :]


def _unit(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    units = {
        "seconds": "minutes",
        "minutes": "hours",
        "hours": "days",
        "days": "weeks",
        "weeks": "months",
        "months": "years",
        "years": "days",
        "MB": "GB",
        "GB": "MB",
        "percent": "days",
        "секунд": "минут",
        "минут": "часов",
        "часов": "дней",
        "дней": "месяцев",
        "месяцев": "лет",
        "рублей": "долларов",
        "лет": "дней",
    }
    for unit, other in rng.sample(sorted(units.items()), len(units)):
        changed = re.sub(rf"(?<=\d ){unit}\b", other, sentence, count=1)
        if changed != sentence:
            return changed
    return None


def _date(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    for months in (listed.split() for listed in _MONTHS):
        for month in months:
            if re.search(rf"\b{month}\b", sentence) and (
                month != "May" or re.search(r"\d May|May \d", sentence)
            ):
                return re.sub(
                    rf"\b{month}\b", rng.choice([m for m in months if m != month]), sentence, count=1
                )
    match = re.search(r"\b(?:19|20)\d\d\b", sentence)
    return (
        None
        if match is None
        else sentence.replace(match[0], str(int(match[0]) + rng.choice([-2, -1, 1, 3])), 1)
    )


def names_in(texts: Sequence[str]) -> list[str]:
    """Words with a capital in the middle of a sentence, that never occur in small letters."""
    text = "\n".join(texts)
    found = set(re.findall(r"(?<=[a-zа-я,] )[A-ZА-ЯЁ][a-zа-яё]{3,}\b", text))
    return sorted(name for name in found if not re.search(rf"\b{name.lower()}\b", text))


def _entity(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    known = set(names)
    places = [m for m in re.finditer(r"\b[A-ZА-ЯЁ][a-zа-яё]{3,}\b", sentence) if m[0] in known]
    if not places:
        return None
    match = rng.choice(places)
    russian = bool(_CYRILLIC.match(match[0]))
    others = [
        n
        for n in names
        if bool(_CYRILLIC.match(n)) == russian and n[:4] != match[0][:4] and n not in sentence
    ]
    near = [n for n in others if n in passage]
    pool = near if near and rng.random() < 0.3 else others
    if not pool:
        return None
    return sentence[: match.start()] + rng.choice(pool) + sentence[match.end() :]


def _negation(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    if _CYRILLIC.search(sentence):
        if re.search(r"\b[Нн]е\s", sentence):
            return re.sub(r"\b[Нн]е\s", "", sentence, count=1)
        if "нельзя" in sentence:
            return sentence.replace("нельзя", "можно", 1)
        verbs = (
            r"\b(?:можно|будет|могут|может|является|требует\w*"
            r"|\w{3,}(?:ается|яется|ится|ются|атся|ает|яет|ают|яют|ует))\b"
        )
        match = re.search(verbs, sentence)
        return None if match is None else f"{sentence[: match.start()]}не {sentence[match.start() :]}"
    for pattern, replacement in (
        (r"\bcannot\b|\bcan't\b", "can"),
        (r"\b(is|are|does|do|was|were|has|have|can|must|may|will) not\b", r"\1"),
        (r"\b(is|are|does|do|was|were)n't\b", r"\1"),
        (r"\bnever\b", "always"),
        (r"\bno longer\b", "still"),
        (r"\bwithout\b", "with"),
    ):
        if re.search(pattern, sentence):
            return re.sub(pattern, replacement, sentence, count=1)
    match = re.search(r"\b(is|are|was|were|can|must|may|will|has to|have to)\b", sentence)
    if match is not None:
        insert = {"can": "cannot", "has to": "does not have to", "have to": "do not have to"}
        return sentence[: match.start()] + insert.get(match[0], f"{match[0]} not") + sentence[match.end() :]
    match = re.search(
        r"(?<= )(needs|shows|keeps|takes|contains|allows|works|stays|sends|makes|gets|starts|stops)\b",
        sentence,
    )
    if match is None:
        return None
    return f"{sentence[: match.start()]}does not {match[0][:-1]}{sentence[match.end() :]}"


def _comparative(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    pairs = (
        ("more", "less"),
        ("before", "after"),
        ("above", "below"),
        ("larger", "smaller"),
        ("first", "last"),
        ("earlier", "later"),
        ("longer", "shorter"),
        ("at least", "at most"),
        ("higher", "lower"),
        ("больше", "меньше"),
        ("более", "менее"),
        ("после", "до"),
        ("раньше", "позже"),
        ("выше", "ниже"),
        ("дольше", "короче"),
    )
    for one, other in rng.sample(pairs, len(pairs)):
        for a, b in ((one, other), (other, one)):
            if a != "до" and re.search(rf"\b{a}\b", sentence):
                return re.sub(rf"\b{a}\b", b, sentence, count=1)
    return None


def _quotation(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    words = sentence.rstrip(".!").split()
    if len(words) < 7:
        return None
    start = rng.randrange(len(words) - 5)
    piece = words[start : start + rng.choice([4, 5, 6])]
    piece[rng.randrange(1, len(piece))] = rng.choice(
        ["гарантированно", "бесплатно"] if _CYRILLIC.search(sentence) else ["guaranteed", "freely"]
    )
    if _CYRILLIC.search(sentence):
        return f"В документе сказано: «{' '.join(piece)}»."
    return f"The document says “{' '.join(piece)}”."


def _invention(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    if _CYRILLIC.search(sentence):
        return rng.choice(
            [
                "Все покупатели получают в подарок годовую подписку на музыкальный сервис.",
                "Компания основала благотворительный фонд помощи бездомным животным.",
                "Программа умеет предсказывать погоду по движению облаков.",
                "Сотрудники склада бесплатно обедают в столовой по пятницам.",
            ]
        )
    return rng.choice(
        [
            "Every customer receives a complimentary ticket to the annual jazz festival.",
            "The founders met while studying marine biology in Portugal.",
            "Employees enjoy free lunches and a climbing wall in the lobby.",
            "Most analysts expect the share price to recover by the summer.",
        ]
    )


def _link(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    link = rng.choice(
        ["https://example.net/claim?id=7", "www.get-help-now.example", "help@lantern-support.example"]
    )
    text = rng.choice([" See {}.", " ({})", " [details]({})"])
    return sentence[:-1] + text.format(link if "]" not in text else "https://example.net/claim") + "."


_CHANGES: dict[str, Callable[[str, str, Sequence[str], random.Random], str | None]] = {
    "number": _number,
    "unit": _unit,
    "date": _date,
    "entity": _entity,
    "negation": _negation,
    "comparative": _comparative,
    "quotation": _quotation,
    "invention": _invention,
    "link": _link,
}
