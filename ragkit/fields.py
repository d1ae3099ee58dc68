"""The metadata fields that a collection declares: their types, and what a value of each type may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import lru_cache

from ragkit.errors import ConfigError, did_you_mean

TENANT = "tenant"
ACL = "acl"
RESERVED = frozenset({"and", "or", "not"})
_MAX_SHOWN = 200
_LONGEST_INSTANT = 64  # no spelling of an instant has more characters; what is read is remembered


class FieldType(Enum):
    """Types of a collection's declared metadata fields."""

    KEYWORD = "keyword"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A declared metadata field: its type, whether it holds a list, whether it is required (`!`).

    >>> FieldSpec("tags", many=True).declaration
    ['keyword']
    """

    name: str
    type: FieldType = FieldType.KEYWORD
    many: bool = field(default=False, kw_only=True)
    required: bool = field(default=False, kw_only=True)

    @property
    def declaration(self) -> str | list[str]:
        """The field's type as it is written in `rag.yaml`."""
        word = self.type.value + ("!" if self.required else "")
        return [word] if self.many else word


def parse_fields(raw: Mapping[str, object]) -> dict[str, FieldSpec]:
    """Fields from their declarations: `keyword`, `keyword!` (required), `[keyword]` (a list of them).

    `tenant` and `acl` have a meaning of their own: `tenant` must be a `keyword`, `acl` a `[keyword]`.

    >>> parse_fields({"tenant": "keyword!", "tags": ["keyword"]})["tags"].many
    True

    Raises:
        ConfigError: an unknown type or an unusable name; all problems at once.
    """
    problems: list[str] = []
    specs: dict[str, FieldSpec] = {}
    for name, declared in raw.items():
        try:
            specs[name] = _parse_field(name, declared)
        except ConfigError as e:
            problems.extend(e.problems)
    if problems:
        raise ConfigError(problems)
    return specs


def _parse_field(name: str, declared: object) -> FieldSpec:
    if isinstance(declared, FieldSpec):
        declared = declared.declaration
    if not isinstance(name, str) or not name or name.strip() != name or name in RESERVED:
        raise ConfigError(f"fields: {shown(name)} cannot name a field: expected text other than and, or, not")
    many = isinstance(declared, list) and len(declared) == 1
    word = declared[0] if isinstance(declared, list) and many else declared
    known = [t.value for t in FieldType]
    if not isinstance(word, str) or word.removesuffix("!") not in known:
        hint = did_you_mean(word.removesuffix("!"), known) if isinstance(word, str) else ""
        raise ConfigError(
            f"fields.{name}: {shown(declared)} is not a type. Expected one of {', '.join(known)}, with ! "
            f"when required, in [brackets] for a list of them.{hint}"
        )
    spec = FieldSpec(name, FieldType(word.removesuffix("!")), many=many, required=word.endswith("!"))
    if name == TENANT and (spec.type is not FieldType.KEYWORD or spec.many):
        raise ConfigError(f"fields.tenant: {declared!r}: expected keyword! (or keyword)")
    if name == ACL and (spec.type is not FieldType.KEYWORD or not spec.many):
        raise ConfigError(f"fields.acl: {declared!r}: expected [keyword] (or [keyword!])")
    return spec


def parse_instant(text: str) -> datetime | None:
    """The instant that an ISO 8601 text names, in UTC (a text without zone is UTC); None when it is none."""
    return _parse_instant(text) if len(text) <= _LONGEST_INSTANT else None


@lru_cache(maxsize=65536)
def _parse_instant(text: str) -> datetime | None:
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # in UTC it lies before the year 1 or after 9999
        return None


def is_number(value: object) -> bool:
    """Whether `value` is a finite number; a boolean is not one."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, float) and math.isfinite(value)


def instant_of(value: object) -> datetime | None:
    """The instant of an ISO 8601 text, a `datetime` or a `date`; None for anything else."""
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


EXPECTED = {
    FieldType.KEYWORD: "text",
    FieldType.TEXT: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a finite number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATETIME: "an ISO 8601 date or time, for example 2025-01-31 or 2025-01-31T12:00:00Z",
}


def problems_of(metadata: Mapping[str, object], fields: Mapping[str, FieldSpec]) -> list[str]:
    """What is wrong with a document's metadata, one line per problem; empty when nothing is.

    Undeclared keys are kept with the document and cannot be filtered by; their values are checked only for
    being values that every store can hold. `tenant` and `acl` stand beside the metadata, not in it.
    """
    problems = [
        f"metadata.{name} is required and missing"
        for name, spec in fields.items()
        if spec.required and name not in {TENANT, ACL} and _is_missing(metadata.get(name))
    ]
    for name, value in metadata.items():
        spec = fields.get(name)
        if not isinstance(name, str) or not (_is_storable(name) and _is_storable(value)):
            problems.append(
                f"metadata.{shown_name(name)}: {shown(value)}: expected text, "
                "finite numbers, booleans or lists of them, under a name that is text"
            )
        elif spec is not None and value is not None and name not in {TENANT, ACL} and not _fits(value, spec):
            kind = f"a list, each {EXPECTED[spec.type]}" if spec.many else EXPECTED[spec.type]
            problems.append(
                f"metadata.{shown_name(name)}: {shown(value)}: expected {kind} "
                f"(declared as {spec.declaration})"
            )
    return problems


def shown(value: object, limit: int = _MAX_SHOWN) -> str:
    """A value as an error message shows it: its `repr`, cut at `limit` characters, whatever it is.

    >>> shown("x" * 1000, limit=8)
    "'xxxxxx…"
    """
    if isinstance(value, str) and len(value) > limit:
        value = value[:limit]
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of more than some thousand digits
        return "a number of thousands of digits"
    except Exception:  # lists nested a thousand deep, or a `__repr__` that fails
        return f"a {type(value).__name__} that cannot be written out"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown_name(name: object) -> str:
    """A field's name as an error message shows it: bare where it is plain and short.

    >>> shown_name("lang")
    'lang'
    """
    is_plain = isinstance(name, str) and len(name) <= _MAX_SHOWN and name.isprintable()
    return str(name) if is_plain else shown(name)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and not value)


def _is_storable(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(v is not None and not isinstance(v, list | tuple) and _is_storable(v) for v in value)
    if isinstance(value, str):
        return not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, bool) or is_number(value)


def _fits(value: object, spec: FieldSpec) -> bool:
    if spec.many != isinstance(value, list | tuple):
        return False
    values = value if isinstance(value, list | tuple) else (value,)
    return all(_is_of(v, spec.type) for v in values)


def _is_of(value: object, kind: FieldType) -> bool:
    match kind:
        case FieldType.KEYWORD | FieldType.TEXT:
            return isinstance(value, str)
        case FieldType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.NUMBER:
            return is_number(value)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.DATETIME:
            return isinstance(value, str) and parse_instant(value) is not None
