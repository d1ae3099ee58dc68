"""A configuration as written: texts, lists and mappings, each with its place, not yet typed.

What a plain `no`, `08` or `1e3` means is left open here: the type of the setting it is written for decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ragkit.config.problems import Place, shortened


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar. `written` is what the file says, `value` the same with its variables replaced.

    `is_quoted` is false for a scalar whose type is open. `inserted` holds what each environment variable in
    it stands for; where one of them is not set, `is_unresolved`, and nothing more is to be said of the value.
    """

    written: str
    place: Place = field(kw_only=True)
    value: str = field(kw_only=True)
    is_quoted: bool = field(default=False, kw_only=True)
    inserted: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)
    is_unresolved: bool = field(default=False, kw_only=True)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the environment variables in it."""
        return tuple(self.inserted)

    @property
    def is_typed_by_use(self) -> bool:
        """The scalar may become a number or a flag: it is not quoted, or its text comes from outside."""
        return not self.is_quoted or bool(self.inserted)


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple[Node, ...]
    place: Place = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's value and the place of the key."""

    node: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in order of writing."""

    entries: Mapping[str, Entry]
    place: Place = field(kw_only=True)


Node = Text | Items | Entries
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
# YAML 1.1's words are read as flags, but only where a flag is expected: elsewhere `no` is Norwegian.
_FLAGS = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
# A leading zero is octal to YAML 1.1 and decimal to 1.2, so neither reading is taken.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


def is_null(node: Node) -> bool:
    """Nothing was written, or `null`, or `~`."""
    return isinstance(node, Text) and not node.is_quoted and not node.variables and node.value in _NULL


def as_flag(node: Text) -> bool | None:
    """The flag that is written, or None when it is not one."""
    return _FLAGS.get(node.value) if node.is_typed_by_use else None


def as_integer(node: Text) -> int | None:
    """The whole number that is written (`1e3` and `5.0` are whole), or None when it is not one."""
    if not node.is_typed_by_use:
        return None
    if _INTEGER.fullmatch(node.value):
        return int(node.value)
    number = as_number(node)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**53 else None


def as_number(node: Text) -> float | None:
    """The number that is written, or None when it is not one. Not-a-number and infinity are none."""
    if not node.is_typed_by_use or not _NUMBER.fullmatch(node.value):
        return None
    number = float(node.value)
    return None if number in (float("inf"), float("-inf")) else number


def plain(node: Node) -> Plain:
    """The value in Python for a setting of any type, scalars read as YAML 1.2 does."""
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    if isinstance(node, Entries):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if is_null(node):
        return None
    if node.is_quoted:
        return node.value
    if node.value.lower() in {"true", "false"} and as_flag(node) is not None:
        return as_flag(node)
    if _INTEGER.fullmatch(node.value):
        return int(node.value)
    number = as_number(node)
    return node.value if number is None else number


def written(node: Node) -> Plain:
    """The same with variables left as `${NAME}`, so that it can be shown and stored."""
    if isinstance(node, Items):
        return [written(item) for item in node.nodes]
    if isinstance(node, Entries):
        return {key: written(entry.node) for key, entry in node.entries.items()}
    return node.written if node.variables else plain(node)


def variables_in(node: Node) -> tuple[str, ...]:
    """The environment variables used anywhere in a value, in order, each once."""
    if isinstance(node, Text):
        return node.variables
    below = node.nodes if isinstance(node, Items) else [entry.node for entry in node.entries.values()]
    return tuple(dict.fromkeys(name for child in below for name in variables_in(child)))


def shown(node: Node, *, is_hidden: bool = False) -> str:
    """A value as a message shows it: never the value of a variable, nor what is meant to be hidden."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Entries):
        return "a mapping"
    if node.variables:
        return f"the value of {' and '.join(f'${{{name}}}' for name in node.variables)}"
    if is_null(node):
        return "nothing" if not node.value else f"{node.value} (nothing)"
    if is_hidden:
        return "a text that is not shown"
    return repr(shortened(node.value)) if node.is_quoted else shortened(node.value)
