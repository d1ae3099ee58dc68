"""One sentence changed: a number, unit, date, name, negation, comparison, quotation, link, or all of it."""

from __future__ import annotations

# Scripts import this folder by its name, tests as a part of `evals`.
# ruff: noqa: TID252
import random
import re
from collections.abc import Callable, Sequence

from .written import CYRILLIC

NUMERAL = re.compile(r"(?<![\w.,:/-])\d{1,3}(?:[,   ]\d{3})+(?![\w,])|(?<![\w.,:/-])\d+(?![\w:/-]|[.,]\d)")
_MONTHS = (
    "January February March April May June July August September October November December",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)


def _number(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = list(NUMERAL.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    old = int(re.sub(r"\D", "", match[0]))
    elsewhere = [int(re.sub(r"\D", "", m)) for m in NUMERAL.findall(passage)]
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
    russian = bool(CYRILLIC.match(match[0]))
    others = [
        n for n in names if bool(CYRILLIC.match(n)) == russian and n[:4] != match[0][:4] and n not in sentence
    ]
    near = [n for n in others if n in passage]
    pool = near if near and rng.random() < 0.3 else others
    if not pool:
        return None
    return sentence[: match.start()] + rng.choice(pool) + sentence[match.end() :]


def _negation(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    if CYRILLIC.search(sentence):
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
        ["гарантированно", "бесплатно"] if CYRILLIC.search(sentence) else ["guaranteed", "freely"]
    )
    if CYRILLIC.search(sentence):
        return f"В документе сказано: «{' '.join(piece)}»."
    return f"The document says “{' '.join(piece)}”."


def _invention(sentence: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    if CYRILLIC.search(sentence):
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


CHANGES: dict[str, Callable[[str, str, Sequence[str], random.Random], str | None]] = {
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
