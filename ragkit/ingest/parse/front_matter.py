"""The YAML or TOML block at the head of a Markdown file → metadata."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from ragkit.ingest.parse.limits import MAX_DEPTH
from ragkit.types import Metadata, MetadataValue, Scalar

_BLOCK = re.compile(
    r"\A(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)^(?P=fence)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
# How the note of a document begins whose front matter is no YAML or TOML.
KEPT_AS_TEXT = "front matter is not valid and was kept as text"
_MAX_CHARS = 65_536
_MAX_KEYS = 100


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The metadata of a document's head, the text after it, and a note where it could not be read."""

    metadata: Metadata
    body: str = field(kw_only=True)
    note: str | None = field(default=None, kw_only=True)


def split_front_matter(text: str) -> FrontMatter:
    """Separates front matter from the body. Text without any, or with a broken one, stays whole.

    >>> dict(split_front_matter("---\\ntitle: Setup\\ntags: [a, b]\\n---\\nText").metadata)
    {'title': 'Setup', 'tags': ('a', 'b')}
    """
    match = _BLOCK.match(text[:_MAX_CHARS])
    if match is None:
        return FrontMatter({}, body=text)
    try:
        loaded = tomllib.loads(match["body"]) if match["fence"] == "+++" else _yaml(match["body"])
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError) as e:
        problem = " ".join(str(e).split())[:200]
        return FrontMatter({}, body=text, note=f"{KEPT_AS_TEXT}: {problem}")
    if not isinstance(loaded, Mapping):
        # `---` as a rule above a paragraph and below it reads as YAML text, not as a mapping.
        return FrontMatter({}, body=text)
    return FrontMatter(as_metadata(loaded), body=text[match.end() :])


def _yaml(body: str) -> object:
    depth = 0
    for event in yaml.parse(body, Loader=yaml.SafeLoader):
        # Aliases are what makes a small YAML file large; front matter has no use for them.
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("YAML aliases are not allowed in front matter")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        # The scanner's time grows with the square of the depth: minutes for 60,000 brackets.
        if depth > MAX_DEPTH:
            raise ValueError(f"YAML nested more than {MAX_DEPTH} deep")
    return yaml.safe_load(body) or {}


def as_metadata(values: Mapping[object, object]) -> dict[str, MetadataValue]:
    """Scalars and flat lists as they are, dates in ISO form, everything else as text."""
    return {str(key): _value(value) for key, value in list(values.items())[:_MAX_KEYS] if value is not None}


def _value(value: object) -> MetadataValue:
    if isinstance(value, list | tuple | set):
        return tuple(_scalar(v) for v in value if v is not None)
    return _scalar(value)


def _scalar(value: object) -> Scalar:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        # NaN and infinity have no order and no JSON form, so no store could filter by them.
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _integer(value: int) -> int | str:
    """An integer of up to 64 bits as it is, a longer one as text: no store holds it as a number."""
    if -(2**63) <= value < 2**63:
        return value
    # Python refuses to write out decimals of more than 4,300 digits, for it takes quadratic time.
    return str(value) if value.bit_length() < 4096 else hex(value)
