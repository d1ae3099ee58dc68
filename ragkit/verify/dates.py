"""Dates of a text in the forms of English and Russian, and whether another text states them.

`12 March 2024`, `March 12, 2024`, `2024-03-12`, `12.03.2024`, `12 марта 2024 г.`, `12 марта` are read. A date
agrees with one that says the same and more: `March 2024` with `12 March 2024`. `03/04/2024` is not read: it
depends on the country.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

_EN = tuple(month.lower() for month in calendar.month_name if month)
_RU = (
    "январ", "феврал", "март", "апрел", "ма", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр",
)  # fmt: skip
_RU_ENDING = "(?:ь|я|ю|ем|е|а|у|ом|й)?"
_MONTH = (
    "(?P<month>(?:" + "|".join(f"{m[:3]}(?:{m[3:]})?" if len(m) > 4 else m for m in _EN) + r")\b\.?"
    "|(?:" + "|".join(f"{m}{_RU_ENDING}" for m in _RU) + r")\b)"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|-го)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<!\d){_DAY}(?:\s+of)?\s+{_MONTH},?(?:\s+(?:of\s+)?{_YEAR}(?:\s*(?:года?\b|г\.))?)?",
        rf"\b{_MONTH}\s+{_DAY}(?!\d)(?:,?\s+{_YEAR})?(?![\d%])",
        rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}(?:\s*(?:года?\b|г\.))?",
        r"(?<!\d)(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)(?:-(?P<day>\d\d))?(?!\d)",
        r"(?<![\d.])(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>(?:19|20)\d\d)(?!\d)",
    )
)
_ALONE = re.compile(
    r"(?<=[a-zа-я,(] )(?:January|February|March|April|June|July|August|September|October|November|December)\b"
    r"|\b(?:январ|феврал|март|апрел|июн|июл|август|сентябр|октябр|ноябр|декабр)(?:ь|я|ю|ем|е|а|у|ом)?\b",
)


@dataclass(frozen=True, slots=True)
class Date:
    """A date as far as it is told, and as it is written."""

    year: int | None
    month: int
    day: int | None
    written: str

    def is_told_by(self, other: Date) -> bool:
        """Whether the other says all that this one says."""
        return (
            self.month == other.month
            and (self.day is None or self.day == other.day)
            and (self.year is None or self.year == other.year)
        )


def dates(text: str) -> list[Date]:
    """The dates of a text that have a month and a day or a year, each once, longest reading first.

    >>> [(d.year, d.month, d.day) for d in dates("с 12 марта 2024 г. until April 3, 2025")]
    [(2024, 3, 12), (2025, 4, 3)]
    """
    return _read(text)[0]


def missing_dates(said: str, evidence: str) -> tuple[list[str], str]:
    """The dates of `said` that `evidence` does not state, and `said` without those that it does."""
    stated = dates(evidence)
    found, _ = _read(said)
    missing = [d.written for d in found if not any(d.is_told_by(other) for other in stated)]
    rest = said
    for date in found:
        rest = rest.replace(date.written, " ")
    months = {d.month for d in stated} | {_number(m[0]) for m in _ALONE.finditer(evidence)}
    missing += [m[0] for m in _ALONE.finditer(rest) if _number(m[0]) not in months]
    return missing, rest


def _read(text: str) -> tuple[list[Date], str]:
    found: list[tuple[int, Date]] = []
    rest = text
    for form in _FORMS:
        for match in form.finditer(rest):
            given = match.groupdict()
            month, day = _number(given["month"]), int(given.get("day") or 0)
            if 1 <= month <= 12 and day <= 31:
                year = int(given["year"]) if given.get("year") else None
                found.append((match.start(), Date(year, month, day or None, match[0].strip())))
        rest = form.sub(lambda m: " " * len(m[0]), rest)
    return [date for _, date in sorted(found, key=lambda pair: pair[0])], rest


def _number(month: str) -> int:
    lower = month.lower().rstrip(".")
    if lower.isdecimal():
        return int(lower)
    for n, (english, russian) in enumerate(zip(_EN, _RU, strict=True), start=1):
        if english.startswith(lower) or (lower.startswith(russian) and (n != 5 or lower[:3] != "мар")):
            return n
    return 0
