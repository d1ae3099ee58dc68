"""Numbers of a text and what they count, in one spelling, and whether another text states them.

What is one and the same: `1,000`, `1 000`, `1000`, `1 тыс.`; `12 %`, `12 percent`, `12 процентов`; `$5`,
`5 USD`, `5 долларов`; `24 months`, `2 years`; `90 minutes`, `1.5 hours`; `two`, `2`. What is not: `1.000` and
`1,000`; `12 %` and `12 days`; a number and itself without its sign; KB and KiB. A number whose unit one side
leaves out agrees with any unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from ragkit.text.number_words import FRACTIONS, PERIODS, SCALES, UNITS, WRITTEN
from ragkit.verify.nearly import Change
from ragkit.verify.words import Word, words

# A minus only where nothing stands before it: between numbers it is a dash.
_NUMBER = re.compile(
    r"(?:(?<![^\s(\[=<>≈~])[-−–])?"
    r"(?:(?<!\d)[1-9]\d{0,2}(?P<grouped>(?:[ ,]\d{3})+)(?!\d)(?:[.,]\d+)*|\d+(?:[.,:]\d+)*)"
)
# Digits of a name (`B12`, `HIV-1`, `Wick-7`) or of a pattern (`2xx`) count nothing; `v2.8` is a number.
_IN_NAME = re.compile(r"(?:(?!(?<![^\W\d_])[vV]$)[^\W\d_]|[^\W\d_]-|_)$")
_AFTER = re.compile(r"[\s-]{0,2}(?P<scale>[^\W\d_]+\.?)?[\s-]{0,2}")
_AFTER_NAME = re.compile(r"\b[A-ZА-ЯЁ][\w-]*\s\Z")
_RANGE = re.compile(r"\s*(?:-|–|—|to|and|or|до|и|или|,)\s*")
_FRACTION = re.compile(
    rf"(?<![\w-])(?:(?:a|one|two|одн\w+|две)\s+)?(?P<share>{'|'.join(FRACTIONS)})\b(?P<of>\s+of\b)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+|[%‰°€$£₽¥₸₴]")
_NAMED = {
    period: re.compile(rf"\b(?:(?:a|per|every|each|раз в|в|кажд\w+)\s+(?:\d+ )?)(?:{names})\b", re.IGNORECASE)
    for period, names in {
        "hour": "hour|час", "day": "day|night|день|сутки|ночь", "week": "week|неделю", "month": "month|месяц",
        "quarter": "quarter|квартал", "year": "year|год",
    }.items()
}  # fmt: skip
_EARLY = re.compile(r"0\d:\d\d")
_TIMES = frozenset({"twice", "дважды", "трижды"})
_LARGE = 5
_SIGNS = "€$£₽¥₸₴"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, in the base unit of its kind, with that kind and the word it counts.

    `bare` is the number without its unit. `kind` is empty where the unit is not one of the known ones;
    `counts` is the stem of the word right after the number. `is_label` tells a number after a name: `Wick 7`.
    """

    value: str
    bare: str
    kind: str
    counts: str
    written: str
    is_label: bool = False


def numbers(text: str) -> set[str]:
    """The numbers a text states, with their sign, in one spelling: no grouping, a point for decimals.

    A comma before three digits groups, as in English; before others it stands for a decimal point.

    >>> sorted(numbers("от −5 до 10 000, 1,234.50 и 1,5"))
    ['-5', '1.5', '10000', '1234.50']
    """
    plain = _plain(text)
    found = {c for c in plain if c.isnumeric() and not c.isdecimal()}
    found.update(_spelling(match) for match in _NUMBER.finditer(plain))
    return found


def quantities(text: str) -> list[Quantity]:
    """The numbers of a text with what they count, in digits and in words, in reading order.

    >>> [(q.value, q.kind) for q in quantities("two years, 12 %, 3 тыс. рублей")]
    [('24', 'month'), ('12', 'percent'), ('3000', 'rub')]
    """
    plain = _plain(text)
    found: list[tuple[int, Quantity]] = []
    for match in _NUMBER.finditer(plain):
        if _is_of_name(plain, match):
            continue
        before = plain[: match.start()].rstrip()[-1:]
        quantity = _quantity(_spelling(match), match[0], before, plain[match.end() :][:60])
        is_label = not quantity.kind and bool(_AFTER_NAME.search(plain[: match.start()]))
        found.append((match.start(), replace(quantity, is_label=is_label)))
    for word in words(plain):
        if (value := WRITTEN.get(word.lower)) is not None:
            # `twice a year` is how often, and no span of time.
            after = "" if word.lower in _TIMES else plain[word.at + len(word.text) :][:60]
            found.append((word.at, _quantity(str(value), word.text, "", after)))
    ordered = sorted(found, key=lambda pair: pair[0])
    return _with_units_of_ranges(plain, ordered)


def _with_units_of_ranges(plain: str, found: Sequence[tuple[int, Quantity]]) -> list[Quantity]:
    """Gives the `5` of `5 to 10 days` its unit."""
    read = [quantity for _, quantity in found]
    for i in range(len(found) - 2, -1, -1):
        (at, first), second = found[i], read[i + 1]
        between = plain[at + len(first.written) : found[i + 1][0]]
        if second.kind and not first.kind and _RANGE.fullmatch(between):
            unit = Decimal(second.value) / Decimal(second.bare) if _is_scaled(second) else Decimal(1)
            read[i] = replace(first, value=_scaled(first.bare, unit), kind=second.kind, counts="")
    return read


def _is_scaled(quantity: Quantity) -> bool:
    return quantity.value != quantity.bare and quantity.bare.strip("0.") != ""


def missing_numbers(said: str, evidence: str) -> list[str]:
    """The numbers of `said` that `evidence` does not state, or states of something else, as written.

    >>> missing_numbers("It lasts 12 days.", "It lasts 12 months, for 14 days.")
    ['12']
    """
    stated = quantities(evidence)
    plain = numbers(evidence)
    missing: list[str] = []
    for quantity in quantities(said):
        in_words = quantity.written.isalpha()
        if not in_words and _is_exotic(quantity.written) and quantity.written not in plain:
            missing.append(quantity.written)
            continue
        same = [
            other for other in stated if agree(quantity, other) and not _is_otherwise(quantity, other, stated)
        ]
        if not same:
            if not in_words or quantity.kind or _is_large(quantity) or _is_counted(quantity, stated):
                missing.append(quantity.written)
        elif _is_of_another(quantity, same, stated):
            missing.append(f"{quantity.written} {quantity.counts}")
    exotic = {n for n in numbers(said) - plain if _is_exotic(n)}
    missing += [w for w in _shares(said) if _shares(evidence) and FRACTIONS[w] not in _values(evidence)]
    missing += [w for w in _periods(said) if _named(evidence) and PERIODS[w] not in _named(evidence)]
    return [*missing, *sorted(exotic - set(missing))]


def _shares(text: str) -> list[str]:
    """The words for a half, a third, a quarter; `the third time` has none."""
    found: list[str] = []
    for match in _FRACTION.finditer(text):
        word = match["share"].lower()
        if word in ("third", "quarter") and not (match["of"] and match[0].lower() != match["share"].lower()):
            continue
        found.append(word)
    return found


def _values(text: str) -> set[str]:
    return {FRACTIONS[word] for word in _shares(text)}


def _periods(text: str) -> list[str]:
    return [word.lower for word in words(text) if word.lower in PERIODS]


def _named(text: str) -> set[str]:
    """The periods that a text names, as `once a year` and `раз в месяц` do."""
    found = {PERIODS[word] for word in _periods(text)}
    return found | {period for period, pattern in _NAMED.items() if pattern.search(text)}


def exchanged_number(changed: Sequence[Change]) -> tuple[str, str] | None:
    """A number, or its unit, and what its source has in its place; another spelling of it is no change."""
    for change in changed:
        ours = quantities(" ".join(w.text for w in change.ours))
        theirs = quantities(" ".join(w.text for w in change.theirs))
        if len(ours) == len(theirs) == 1 and ours[0].bare != theirs[0].bare:
            if ours[0].kind and ours[0].kind == theirs[0].kind and ours[0].value == theirs[0].value:
                continue
            return ours[0].written, theirs[0].written
        units = [_unit(change.ours), _unit(change.theirs)]
        if not ours and not theirs and all(units) and units[0] != units[1]:
            return change.ours[0].text, change.theirs[0].text
    return None


def _unit(listed: Sequence[Word]) -> tuple[str, str] | None:
    return UNITS.get(listed[0].lower) if len(listed) == 1 else None


def agree(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities are the same; where one of them has no unit the bare numbers decide."""
    if a.kind and b.kind:
        return a.kind == b.kind and a.value == b.value
    return a.bare == b.bare or _is_full_hour(a.bare, b.bare) or _is_full_hour(b.bare, a.bare)


def _is_otherwise(quantity: Quantity, other: Quantity, stated: Sequence[Quantity]) -> bool:
    """Whether `50 MB` is only found as `50 handhelds`, where sizes are told by other numbers."""
    if not quantity.kind or other.kind or not (other.counts or other.is_label):
        return False
    return any(o.kind == quantity.kind for o in stated)


def _is_full_hour(hour: str, time: str) -> bool:
    """`at ten` is `10:00`."""
    return time.lstrip("0") == f"{hour}:00"


def _is_of_name(text: str, match: re.Match[str]) -> bool:
    return bool(_IN_NAME.search(text[max(0, match.start() - 3) : match.start()])) or (
        match[0].isdecimal() and text[match.end() : match.end() + 1].lower() == "x"
    )


def _is_large(quantity: Quantity) -> bool:
    """Whether it is hardly a summary's own count, as in "the two of them"."""
    return quantity.bare.isdecimal() and int(quantity.bare) >= _LARGE


def _is_counted(quantity: Quantity, stated: list[Quantity]) -> bool:
    """Whether the evidence counts the same things, so that a number in words is a claim about them."""
    return bool(quantity.counts) and any(other.counts == quantity.counts for other in stated)


def _is_of_another(quantity: Quantity, same: list[Quantity], stated: list[Quantity]) -> bool:
    """Whether the evidence counts these things, and by other numbers, while this one counts others."""
    if not quantity.counts or quantity.kind == "percent":
        return False
    if any(not other.counts or other.counts == quantity.counts for other in same):
        return False
    return any(other.counts == quantity.counts for other in stated)


def _is_exotic(number: str) -> bool:
    return any(c.isnumeric() and not c.isdecimal() for c in number)


def _plain(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in " ".join(text.split()))


def _spelling(match: re.Match[str]) -> str:
    number, grouped = match[0], match["grouped"]
    if grouped:
        number = number.replace(grouped, grouped.replace(" ", "").replace(",", ""), 1)
    number = number.replace(",", ".").replace("−", "-").replace("–", "-")
    return number[1:] if _EARLY.fullmatch(number) else number


def _quantity(value: str, written: str, before: str, after: str) -> Quantity:
    scale = _AFTER.match(after)
    factor = Decimal(1)
    if scale and scale["scale"] and (power := SCALES.get(scale["scale"].lower().rstrip("."))):
        factor, after = Decimal(power), after[scale.end("scale") :]
    kind, counts, unit = "", "", Decimal(1)
    clause = re.split(r"[.;:!?()|,](?=\s|$)", after, maxsplit=1)[0]
    if before and before in _SIGNS:
        kind = UNITS[before][0]
    else:
        known = next((UNITS[w] for w in _first_words(clause) if w in UNITS), None)
        if known is not None:
            kind, unit = known[0], Decimal(known[1])
    following = words(clause)[:1]
    if not kind and following and following[0].is_content and following[0].text[0].isalpha():
        counts = following[0].stem
    return Quantity(_scaled(value, factor * unit), _scaled(value, factor), kind, counts, written)


def _first_words(clause: str) -> list[str]:
    """The word after a number, and the one after that: `10 working days`, `21 more days`."""
    found = list(_WORD.finditer(clause[:40]))[:2]
    if not found or clause[: found[0].start()].strip(" -"):
        return []
    if len(found) == 2 and (not found[0][0].isalpha() or clause[found[0].end() : found[1].start()].strip()):
        found = found[:1]
    return [m[0].lower() for m in found]


def _scaled(value: str, factor: Decimal) -> str:
    """One spelling of the product; the number as it is where it is none (a version, a time)."""
    try:
        product = Decimal(value) * factor
    except InvalidOperation:
        return value
    if factor == 1 and "." in value:
        return value
    return f"{product.normalize():f}"
