"""An entry `{use: role/name, …settings}` → a component; its class is looked up, its vendor not imported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from ragkit import registry
from ragkit.config.decode import Decoded, Decoder
from ragkit.config.problems import Spot, listed, shortened
from ragkit.config.spec import ComponentSpec
from ragkit.config.tree import Entries, Entry, Node, Text, is_null, shown
from ragkit.errors import ConfigError
from ragkit.graph.stage import Stage
from ragkit.settings import Settings

MODEL_ROLES = ("embed", "rerank", "llm")
_NOT_STAGES = frozenset({"embed", "llm", "store", "chunk", "load", "import", "on"})
_NAME = re.compile(r"[^\W\d][\w-]*")
_LONGEST_USE = 100


@dataclass(frozen=True, slots=True)
class Section:
    """A place for components: what may stand there, in words and as a test of the name and the class."""

    holds: str
    roles: Callable[[], list[str]]
    accepts: Callable[[str, Any], bool]


def _is_stage(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Stage)


MODELS = Section(
    "a model",
    lambda: [name for role in MODEL_ROLES for name in registry.names(role)],
    lambda role, cls: role in MODEL_ROLES and not _is_stage(cls),
)
STORES = Section("a store", lambda: registry.names("store"), lambda role, _: role == "store")
CHUNKERS = Section("a chunker", lambda: registry.names("chunk"), lambda role, _: role == "chunk")
LOADERS = Section("a loader", lambda: registry.names("load"), lambda role, _: role == "load")
STAGES = Section(
    "a stage",
    lambda: [name for name in registry.names() if name.partition("/")[0] not in _NOT_STAGES],
    lambda _, cls: _is_stage(cls),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of an entry: `cls` is None when the name is unknown, `spec` after any mistake.

    `values` are the settings that are right, for the constructor.
    """

    at: Spot
    use: str = ""
    cls: Any = None
    spec: ComponentSpec | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def settings_class(cls: Any) -> type[Settings]:
    """The settings that a component's class takes: its `Config`, or none at all."""
    config = getattr(cls, "Config", Settings)
    return config if isinstance(config, type) and issubclass(config, Settings) else Settings


def is_name(name: str) -> bool:
    """Usable as the name of an entry: letters, digits, `_` and `-`, so that dotted overrides stay clear."""
    return _NAME.fullmatch(name) is not None


def as_entries(node: Node) -> Node:
    """A short `retrieve/dense` written out as `{use: retrieve/dense}`; anything else as it is."""
    if isinstance(node, Text) and not is_null(node):
        return Entries({"use": Entry(node, node.place)}, place=node.place)
    return node


def named_entries(node: Node, at: Spot, decoder: Decoder, what: str) -> list[tuple[str, Entry]]:
    """The entries of a section that maps names to components; names that will not do are reported."""
    if not isinstance(node, Entries):
        message = f"expected a mapping of names to {what}s, got {shown(node)}"
        decoder.problems.add(at, message)
        return []
    for name, entry in node.entries.items():
        if not is_name(name):
            decoder.problems.add(
                at.key(name, entry.place),
                f"{shortened(name)!r} cannot name {what}: expected letters, digits, _ and -, a letter first",
            )
    return list(node.entries.items())


def read_component(
    node: Node, at: Spot, section: Section, decoder: Decoder, others: type[BaseModel] | None = None
) -> Reading:
    """Reads one entry. `others` are keys that may stand beside the component's own and are read elsewhere."""
    entries = as_entries(node)
    other_keys = [] if others is None else [i.alias or n for n, i in others.model_fields.items()]
    if not isinstance(entries, Entries):
        decoder.problems.add(at, f"expected {section.holds}: {{use: role/name, …}}, got {shown(node)}")
        return Reading(at)
    use, cls = _class_of(entries, at, section, decoder)
    if cls is None:
        return Reading(at)
    config = settings_class(cls)
    own = Entries({k: e for k, e in entries.entries.items() if k != "use"}, place=entries.place)
    claimed = [key for key in other_keys if key in own.entries]
    decoded = decoder.keys(config, _without(own, claimed), at, f"{use!r}", other_keys)
    settings = decoder.validated(config, decoded, own, at)
    if settings is None:
        return Reading(at, use, cls, None, decoded.values)
    spec = ComponentSpec(
        use, settings=settings, line=at.place.line, masks=MappingProxyType(_masks(decoded, entries))
    )
    return Reading(at, use, cls, spec, decoded.values)


def _without(node: Entries, keys: Iterable[str]) -> Entries:
    return Entries({k: e for k, e in node.entries.items() if k not in set(keys)}, place=node.place)


def _masks(decoded: Decoded, entries: Entries) -> dict[str, Any]:
    use = entries.entries["use"].node
    named = {"use": use.written} if isinstance(use, Text) and use.variables else {}
    return {**decoded.masks, **named}


def _class_of(node: Entries, at: Spot, section: Section, decoder: Decoder) -> tuple[str, Any]:
    """The name under `use` and its class; the class is None when it is unknown or has no business here."""
    entry = node.entries.get("use")
    if entry is None:
        known = listed(section.roles())
        decoder.problems.add(at.key("use"), f"required and missing: expected one of {known}")
        return "", None
    spot, written = at.key("use", entry.place), entry.node
    if isinstance(written, Text) and written.is_unresolved:
        return "", None
    if not isinstance(written, Text) or is_null(written):
        example = _example(section)
        decoder.problems.add(spot, f"expected role/name, for example {example}, got {shown(written)}")
        return "", None
    name = written.value
    if written.variables or len(name) > _LONGEST_USE or "/" not in name:
        return name, _unspelt(written, spot, section, decoder)
    return name, _looked_up(name, written, spot, section, decoder)


def _unspelt(written: Text, spot: Spot, section: Section, decoder: Decoder) -> Any:
    """As `_looked_up`, for a name that a message must not repeat or that has no form of a name."""
    if written.variables and written.value in registry.names():
        return _looked_up(written.value, written, spot, section, decoder)
    hint = "" if written.variables else decoder.problems.nearest(written.value, section.roles())
    decoder.problems.add(
        spot, f"expected role/name, for example {_example(section)}, got {shown(written)}.{hint}"
    )
    return None


def _looked_up(name: str, written: Text, spot: Spot, section: Section, decoder: Decoder) -> Any:
    try:
        cls = registry.blueprint(name)
        missing = registry.missing_extra(name)
    except ConfigError as e:
        for problem in e.problems:
            decoder.problems.add(spot, problem)
        return None
    if not section.accepts(name.partition("/")[0], cls):
        message = f"expected {section.holds}, but {shown(written)} is {_kind(name, cls)}"
        decoder.problems.add(spot, f"{message}. {_place_for(name, cls)}")
        return None
    if missing:
        decoder.problems.add(spot, str(missing))
    return cls


def _kind(name: str, cls: Any) -> str:
    for section in (STAGES, STORES, CHUNKERS, LOADERS, MODELS):
        if section.accepts(name.partition("/")[0], cls):
            return section.holds
    return f"of the role {name.partition('/')[0]!r}"


def _place_for(name: str, cls: Any) -> str:
    places = {
        "a stage": "query:",
        "a store": "stores:",
        "a chunker": "ingest.chunk:",
        "a loader": "ingest.load:",
        "a model": "models:",
    }
    place = places.get(_kind(name, cls))
    return f"It belongs under {place}" if place else "It has no place in this file"


def _example(section: Section) -> str:
    return next(iter(section.roles()), "role/name")
