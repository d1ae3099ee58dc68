"""Tables as text and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of the same length; the first column holds names, the others figures.

    >>> print(Table(("system", "n"), (("bm25", "300"),)).text())
    system    n
    bm25    300
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """For a terminal: names to the left, figures to the right."""
        lines = (self.head, *self.rows)
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        return "\n".join("  ".join(_padded(line, widths)).rstrip() for line in lines)

    def markdown(self) -> str:
        """For a page."""
        rule = ("---", *("---:",) * (len(self.head) - 1))
        return "\n".join(_piped(line) for line in (self.head, rule, *self.rows))


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def in_markdown(text: str) -> str:
    """A text in one line of Markdown that makes no link, picture or element: it may come from a document.

    >>> print(in_markdown("no such file: <b>![x](https://host/x.png)"))
    no such file: \\<b>![x]\\(https://host/x.png)
    """
    line = " ".join(text.replace("\\", "\\\\").split())
    return re.sub(r"<(?=[a-zA-Z/!?])", r"\\<", line).replace("](", "]\\(")


def _piped(line: Sequence[str]) -> str:
    cells = (in_markdown(cell).replace("|", "\\|") for cell in line)
    return f"| {' | '.join(cells)} |"
