"""YAML text → a tree with places. Nothing is constructed, so no tag can make an object.

The parser is PyYAML's `SafeLoader`, read event by event: a text that unfolds into millions of nodes through
aliases, or nests without end, is refused as soon as it passes a limit, before it is held in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ragkit.config.environment import substitute
from ragkit.config.problems import Place, Problems, Spot, shortened
from ragkit.config.tree import Entries, Entry, Items, Node, Text

MAX_CHARACTERS = 256 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 32


class _RefusedError(Exception):
    """The text is not read further; what is wrong has been noted."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read."""

    is_mapping: bool
    line: int
    anchor: str | None
    spot: Spot
    nodes: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[str, int] | None = None
    is_skipping: bool = False  # a key that is no text was read; its value is dropped
    size: int = 1


def read(text: str, problems: Problems, env: Mapping[str, str]) -> Node | None:
    """The tree of a YAML document; None when it cannot be read or holds nothing.

    Everything that can be said is added to `problems`: syntax, tags, duplicate keys, unset variables.
    """
    if len(text) > MAX_CHARACTERS:
        problems.add(_at(1), f"more than {MAX_CHARACTERS} characters: this is not a configuration")
        return None
    try:
        return _Builder(problems, env).build(text.removeprefix("\ufeff"))
    except _RefusedError:
        return None
    except yaml.YAMLError as e:
        problems.add(*_syntax_problem(e, text))
        return None


class _Builder:
    def __init__(self, problems: Problems, env: Mapping[str, str]) -> None:
        self.problems = problems
        self.env = env
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.root: Node | None = None

    def build(self, text: str) -> Node | None:
        documents = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(line, "a second document starts here; a configuration is one document")
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor or "", line)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event, line)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        return self.root

    def _scalar(self, event: Any, line: int) -> None:
        spot = self._spot(line)
        self._refuse_tag(event, spot)
        is_quoted = event.style is not None
        if self._awaits_key():
            self._key(event, line, is_quoted)
            return
        put_in = substitute(event.value, self.env)
        for message in put_in.problems:
            self.problems.add(spot, message)
        node = Text(
            event.value,
            place=spot.place,
            value=put_in.text,
            is_quoted=is_quoted,
            inserted=put_in.inserted,
            is_unresolved=bool(put_in.problems),
        )
        self._put(node, 1, event.anchor, line)

    def _key(self, event: Any, line: int, is_quoted: bool) -> None:
        top, key = self.stack[-1], event.value
        if key == "<<" and not is_quoted:
            self.problems.add(top.spot.key(key, Place(line)), "merge keys are not read; write the keys out")
            top.is_skipping = True
            return
        top.key = (key, line)
        if event.anchor:
            node = Text(key, place=Place(line), value=key, is_quoted=is_quoted)
            self.anchors[event.anchor] = (node, 1)

    def _alias(self, anchor: str, line: int) -> None:
        spot = self._spot(line)
        if any(frame.anchor == anchor for frame in self.stack):
            self._refuse(line, f"*{shortened(anchor)} stands inside what it refers to")
        if anchor not in self.anchors:
            self._refuse(line, f"nothing is anchored as &{shortened(anchor)}")
        node, size = self.anchors[anchor]
        if self._awaits_key():
            self.problems.add(spot, "a key is written as text, not as an alias")
            self.stack[-1].is_skipping = True
            return
        self._put(node, size, None, line)

    def _open(self, event: Any, line: int) -> None:
        spot = self._spot(line)
        self._refuse_tag(event, spot)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(line, f"nested more than {MAX_DEPTH} deep")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self._awaits_key():
            self.problems.add(spot, "a key is written as text, not as a list or mapping")
        self.stack.append(_Open(is_mapping, line, event.anchor, spot))

    def _close(self) -> None:
        frame = self.stack.pop()
        place = Place(frame.line)
        node: Node = (
            Entries(frame.entries, place=place)
            if frame.is_mapping
            else Items(tuple(frame.nodes), place=place)
        )
        if self._awaits_key():
            self.stack[-1].is_skipping = True
            return
        self._put(node, frame.size, frame.anchor, frame.line)

    def _put(self, node: Node, size: int, anchor: str | None, line: int) -> None:
        """Hangs a complete node into the list or mapping that is open."""
        if anchor:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        # What an alias repeats counts each time: this stops a short text from unfolding without end.
        top.size += size
        if top.size > MAX_NODES:
            self._refuse(line, f"more than {MAX_NODES} values, those repeated by aliases included")
        if not top.is_mapping:
            top.nodes.append(node)
        elif top.is_skipping:
            top.is_skipping = False
        elif top.key is not None:
            (key, key_line), top.key = top.key, None
            self._enter(top, key, Entry(node, Place(key_line)))

    def _enter(self, top: _Open, key: str, entry: Entry) -> None:
        first = top.entries.get(key)
        if first is None:
            top.entries[key] = entry
        else:
            self.problems.add(
                top.spot.key(key, entry.place), f"duplicate key; it is first set in line {first.place.line}"
            )

    def _awaits_key(self) -> bool:
        if not self.stack:
            return False
        top = self.stack[-1]
        return top.is_mapping and top.key is None and not top.is_skipping

    def _spot(self, line: int) -> Spot:
        """The address of the value that comes next."""
        place = Place(line)
        if not self.stack:
            return Spot("", place)
        top = self.stack[-1]
        if not top.is_mapping:
            return top.spot.item(len(top.nodes), place)
        return top.spot.key(top.key[0], place) if top.key else Spot(top.spot.path, place)

    def _refuse_tag(self, event: Any, spot: Spot) -> None:
        if event.tag is not None:
            self.problems.add(spot, f"tags are not read; remove {shortened(event.tag)!r}")

    def _refuse(self, line: int, message: str) -> None:
        self.problems.add(_at(line), message)
        raise _RefusedError


def _at(line: int) -> Spot:
    return Spot("", Place(line))


def _syntax_problem(error: yaml.YAMLError, text: str) -> tuple[Spot, str]:
    if not isinstance(error, yaml.MarkedYAMLError):
        position = int(getattr(error, "position", 0))
        return _at(text.count("\n", 0, position) + 1), "a control character, which YAML does not allow"
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    message = f"not valid YAML: {error.problem or error.context}."
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        message += " Indent with spaces, not with tabs."
    elif "${" in row and ("{" in row.replace("${", "")):
        message += ' Inside braces a variable needs quotes: "${NAME}".'
    elif "mapping values are not allowed" in message:
        message += " Is the line above indented alike? A text with ': ' in it needs quotes."
    return _at(line), message
