"""Words that are numbers, that scale them and that say what is counted, in English and Russian."""

from __future__ import annotations

import re
from typing import Final

_EN = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_EN += " eighteen nineteen"
_EN_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80}
_RU = {
    2: "два две двух двум двумя", 3: "три трёх трех трём трем тремя", 4: "четыре четырёх четырех четырём",
    5: "пять пяти пятью", 6: "шесть шести шестью", 7: "семь семи семью", 8: "восемь восьми",
    9: "девять девяти", 10: "десять десяти", 40: "сорок сорока", 90: "девяносто", 100: "сто ста",
    200: "двести двухсот", 300: "триста трёхсот трехсот", 500: "пятьсот пятисот", 50: "пятьдесят пятидесяти",
    60: "шестьдесят шестидесяти", 70: "семьдесят семидесяти", 80: "восемьдесят восьмидесяти",
}  # fmt: skip
_RU_TEENS = "один две три четыр пят шест сем восем девят"
_RU |= {
    n: f"{start}надцать {start}надцати {start}надцатью" for n, start in enumerate(_RU_TEENS.split(), start=11)
}
_RU |= {n * 10: f"{start}дцать {start}дцати" for n, start in ((2, "два"), (3, "три"))}

WRITTEN: Final[dict[str, int]] = {
    **{word: n for n, word in enumerate(_EN.split(), start=2)},
    **_EN_TENS,
    "ninety": 90,
    "twice": 2,
    "дважды": 2,
    "трижды": 3,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    **{word: n for n, listed in _RU.items() for word in listed.split()},
}
"""Numbers in words. One is left out: `one`, `один` are mostly no number ("one of them")."""

SCALES: Final[dict[str, int]] = {
    word: n
    for n, listed in {
        100: "hundred",
        1_000: "thousand k тыс тысяч тысячи тысяча тысячу",
        1_000_000: "million millions mln mio млн миллион миллиона миллионов",
        1_000_000_000: "billion billions bn млрд миллиард миллиарда миллиардов",
    }.items()
    for word in listed.split()
}

_KINDS: Final[dict[str, dict[float, str]]] = {
    "percent": {1: "% percent pct процент процента процентов процентах процентам"},
    "permille": {1: "‰"},
    "usd": {1: "$ usd dollar dollars доллар доллара долларов"},
    "eur": {1: "€ eur euro euros евро"},
    "gbp": {1: "£ gbp"},
    "rub": {1: "₽ rub rubles roubles руб рубль рубля рублей рублях"},
    "second": {
        0.001: "ms millisecond milliseconds мс миллисекунд миллисекунды",
        1: "s sec second seconds секунда секунды секунд секунду сек",
        60: "min minute minutes минута минуты минут минуту мин",
        3600: "h hour hours hr hrs час часа часов",
        86400: "day days день дня дней сутки суток",
        604800: "week weeks неделя недели недель неделю",
    },
    "month": {
        1: "month months месяц месяца месяцев мес",
        12: "year years год года лет",
    },
    "KB": {1: "kb кб килобайт"},
    "MB": {1: "mb мб мегабайт мегабайта мегабайтов"},
    "GB": {1: "gb гб гигабайт гигабайта гигабайтов"},
    "TB": {1: "tb тб терабайт терабайта терабайтов"},
    "degree": {1: "° °c degrees градус градуса градусов"},
    "metre": {0.001: "mm мм", 0.01: "cm см", 1: "metre metres meter meters метр метра метров", 1000: "km км"},
    "gram": {1: "g грамм граммов", 1000: "kg кг килограмм килограмма килограммов"},
}

FRACTIONS: Final[dict[str, str]] = {
    word: share
    for share, listed in {
        "1/2": "half половина половины половину половиной пол",
        "1/3": "third треть трети",
        "1/4": "quarter четверть четверти",
        "2/3": "thirds",
    }.items()
    for word in listed.split()
}
"""Shares in words; `third`, `quarter` are shares only after `a` or `one`, before `of`."""

PERIODS: Final[dict[str, str]] = {
    word: period
    for period, listed in {
        "hour": "hourly ежечасно",
        "day": "daily nightly ежедневно ежедневный",
        "week": "weekly еженедельно еженедельный",
        "month": "monthly ежемесячно ежемесячный",
        "quarter": "quarterly ежеквартально ежеквартальный",
        "year": "yearly annually annual ежегодно ежегодный",
    }.items()
    for word in listed.split()
}
"""Words for how often, and the period they name."""

UNITS: Final[dict[str, tuple[str, str]]] = {
    word: (kind, str(factor))
    for kind, by_factor in _KINDS.items()
    for factor, listed in by_factor.items()
    for word in listed.split()
}
"""For each unit its kind and how many base units of that kind it is."""

_DATES = (
    "january february march april may june july august september october november december"
    " monday tuesday wednesday thursday friday saturday sunday"
    " январ феврал март апрел май мая мае июн июл август сентябр октябр ноябр декабр"
    " понедельник вторник сред четверг пятниц суббот воскресен"
)
_COUNTS = frozenset({*WRITTEN, *SCALES, *FRACTIONS, *PERIODS, *UNITS, "once", "single", "однажды", "полтора"})
_DATED = re.compile("|".join(stem + r"\w{0,3}" for stem in _DATES.split()))


def states_amount(word: str) -> bool:
    """Whether a word in lower case is a part of a number, an amount or a date.

    >>> [word for word in ("two", "v3", "months", "мая", "марта", "late") if states_amount(word)]
    ['two', 'v3', 'months', 'мая', 'марта']
    """
    is_counted = word in _COUNTS or _DATED.fullmatch(word) is not None
    return is_counted or any(character.isdigit() for character in word)
