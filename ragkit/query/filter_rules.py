"""A filter from the words of a question, by rules, in English and Russian.

They take only what is said of documents outright. "Reports published in 2024" is; "the revenue of 2024" is
not, for a report of 2025 may well tell it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from ragkit.fields import FieldSpec, FieldType
from ragkit.filters import And, Contains, Eq, Filter, Gte, In, Lt

LANG = "lang"
_DOCUMENTS = (
    r"(?:documents?|docs?|articles?|pages?|files?|reports?|papers?|posts?|notes?|news|letters?"
    r"|e-?mails?|contracts?"
    r"|документ\w*|стать[яеюиёйм]\w*|статей|страниц\w*|файл\w*|отч[её]т\w*|новост\w*|пис(?:ьм\w*|ем)"
    r"|договор\w*|запис\w+)"
)
_LANGUAGES = {
    "en": r"english|английск\w+", "ru": r"russian|русск\w+", "de": r"german|немецк\w+",
    "fr": r"french|французск\w+",
    "es": r"spanish|испанск\w+", "it": r"italian|итальянск\w+", "pt": r"portuguese|португальск\w+",
    "zh": r"chinese|китайск\w+", "ja": r"japanese|японск\w+", "uk": r"ukrainian|украинск\w+",
}  # fmt: skip
_IN_LANGUAGE = (
    re.compile(rf"\b{_DOCUMENTS} (?:(?:written|только|написанн\w+) )?(?:in|на) (\w+)\b", re.IGNORECASE),
    re.compile(rf"\b(\w+)(?:-language)? {_DOCUMENTS}\b", re.IGNORECASE),
    re.compile(r"\b(?:only in|только на) (\w+)\b", re.IGNORECASE),
)
_MONTHS = {
    1: "january|январ", 2: "february|феврал", 3: "march|март", 4: "april|апрел", 5: "may|ма[йяе]",
    6: "june|июн",
    7: "july|июл", 8: "august|август", 9: "september|сентябр", 10: "october|октябр", 11: "november|ноябр",
    12: "december|декабр",
}  # fmt: skip
_MONTH = r"(?P<month>[^\W\d]{3,10}) "
_WHEN = (
    rf"(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})|(?:{_MONTH})?(?P<year>(?:19|20)\d{{2}}))(?!\d)"
    r"(?: ?(?:года|году|год|г\.?))?"
)
_DATED = re.compile(
    rf"\b{_DOCUMENTS}(?: (?!and\b|or\b|и\b|или\b)[\w-]+){{0,3}}? "
    rf"(?P<how>in|from|of|since|after|before|until|за|от|в|с|со|после|до) {_WHEN}"
    rf"|\b(?:published|released|written|dated|updated|signed|опубликован\w*|выпущен\w*|написан\w*"
    rf"|обновл[её]н\w*"
    rf"|подписан\w*|датирован\w*) (?P<how2>in|on|from|since|after|before|until|за|от|в|с|со|после|до) "
    + _WHEN.replace("<iso>", "<iso2>").replace("<month>", "<month2>").replace("<year>", "<year2>"),
    re.IGNORECASE,
)
_SINCE, _AFTER, _BEFORE = {"since", "с", "со"}, {"after", "после"}, {"before", "until", "до"}


def said_of_documents(
    question: str, fields: Mapping[str, FieldSpec], values: Mapping[str, list[str]]
) -> Filter | None:
    """The filter that a question says outright, or None.

    Args:
        question: as it is understood.
        fields: those that may be filtered by.
        values: of fields, those that a question may name.

    >>> from ragkit.fields import parse_fields
    >>> said_of_documents("документы на русском о гарантии", parse_fields({"lang": "keyword"}), {})
    Eq(field='lang', value='ru')
    """
    parts = [*_language(question, fields), *_time(question, fields), *_named(question, fields, values)]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _language(question: str, fields: Mapping[str, FieldSpec]) -> Iterator[Filter]:
    spec = fields.get(LANG)
    if spec is None or spec.type is not FieldType.KEYWORD:
        return
    for word in (match[1] for rule in _IN_LANGUAGE for match in rule.finditer(question)):
        for code, names in _LANGUAGES.items():
            if re.fullmatch(names, word, re.IGNORECASE):
                yield _equal(spec, code)
                return


def _time(question: str, fields: Mapping[str, FieldSpec]) -> Iterator[Filter]:
    """Bounds of the one field of dates there is; of several, nobody says which is meant."""
    dates = [spec.name for spec in fields.values() if spec.type is FieldType.DATETIME and not spec.many]
    match = _DATED.search(question)
    if len(dates) != 1 or match is None:
        return
    start, end = _period(
        match["iso"] or match["iso2"], match["month"] or match["month2"], match["year"] or match["year2"]
    )
    if start is None or end is None:
        return
    how = (match["how"] or match["how2"]).lower()
    if how in _BEFORE:
        yield Lt(dates[0], start)
    elif how in _AFTER:
        yield Gte(dates[0], end)
    else:
        yield Gte(dates[0], start)
        if how not in _SINCE:
            yield Lt(dates[0], end)


def _period(iso: str | None, month: str | None, year: str | None) -> tuple[datetime | None, datetime | None]:
    """From when to when a day, a month or a year lasts; nothing where it is none."""
    try:
        if iso:
            start = datetime.fromisoformat(iso).replace(tzinfo=UTC)
            return start, start + timedelta(days=1)
        number = next(
            (n for n, names in _MONTHS.items() if month and re.match(names, month, re.IGNORECASE)), None
        )
        if number is None:
            return datetime(int(year or 0), 1, 1, tzinfo=UTC), datetime(int(year or 0) + 1, 1, 1, tzinfo=UTC)
        return (
            datetime(int(year or 0), number, 1, tzinfo=UTC),
            datetime(int(year or 0) + number // 12, number % 12 + 1, 1, tzinfo=UTC),
        )
    except ValueError:
        return None, None


def _named(
    question: str, fields: Mapping[str, FieldSpec], values: Mapping[str, list[str]]
) -> Iterator[Filter]:
    """The values that a question names, word for word; of several of one field, any."""
    for name, known in values.items():
        spec = fields.get(name)
        if spec is None or spec.type is not FieldType.KEYWORD:
            continue
        found = [v for v in known if re.search(rf"(?<!\w){re.escape(v)}(?!\w)", question, re.IGNORECASE)]
        if len(found) == 1:
            yield _equal(spec, found[0])
        elif found:
            yield In(name, tuple(found))


def _equal(spec: FieldSpec, value: str) -> Filter:
    return Contains(spec.name, value) if spec.many else Eq(spec.name, value)
