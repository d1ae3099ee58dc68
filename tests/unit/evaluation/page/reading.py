"""A page as a strict reader takes it: elements that close, attributes, texts, and the data within."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "br", "hr", "input", "link"}


@dataclass
class Read:
    """What was found in a page."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that is to be read without a script."""
        return "\n".join(self.texts)

    def data(self, id_: str = "report-data") -> Any:
        """What a script reads."""
        return json.loads(self.scripts[id_])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read, self.open, self.script = Read(), list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.tags.append(tag)
        self.read.attributes += [(tag, name, value or "") for name, value in attrs]
        if len({name for name, _ in attrs}) < len(attrs):
            self.read.problems.append(f"<{tag}> has an attribute twice")
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "script":
            self.script = dict(attrs).get("id") or ""
            self.read.scripts[self.script] = ""

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.read.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.read.scripts[self.script] += data
        elif not self.open or self.open[-1] != "style":
            self.read.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.read.problems.append(f"a comment: {data}")


def read(page: str) -> Read:
    """Reads a page to its end."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    reader.read.problems += [f"<{tag}> stays open" for tag in reader.open]
    return reader.read
