"""Rewrites the Markdown dialects of documentation sites to CommonMark, so that no word of theirs is lost.

Known: MkDocs and Python-Markdown admonitions (`!!! note "Title"`, `??? tip`), tabs (`=== "Tab"`), PyMdown
blocks (`/// tip | Title`), Docusaurus and VitePress containers (`:::tip Title`), footnotes, file includes and
attribute lists. A box's title is set before its first paragraph: `Warning: …`, so that the sentence keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.ingest.parse.limits import MAX_DEPTH, Deadline, too_deep

_FENCE = re.compile(r"^\s*(?:>\s?)*(?:[-*+]\s+|\d+[.)]\s+)?(?P<mark>`{3,}|~{3,})(?P<info>.*)$")
# Possessive, or a line of 100,000 blanks would take a minute.
_BOX = re.compile(
    r"^(?P<indent> *)(?:!!!|\?\?\?\+?)[ \t]++(?P<kind>[\w-]++(?: ++[\w-]++)*+)"
    r"(?:[ \t]++\"(?P<title>[^\"]*)\")?[ \t]*$"
)
_TAB = re.compile(r"^(?P<indent> *)===[!+]?[ \t]+\"(?P<title>[^\"]+)\"[ \t]*$")
_BLOCK = re.compile(r"^(?P<indent> *)(?P<mark>/{3,}|:{3,})[ \t]*(?P<kind>[A-Za-z][\w-]*)(?P<rest>[^\n]*)$")
_BLOCK_END = re.compile(r"^ *(?:/{3,}|:{3,})[ \t]*$")
_OPTION = re.compile(r"^ +[\w-]+:(?: .*)?$")
_FOOTNOTE = re.compile(r"^ {0,3}\[\^[^\]\s]+\]:[ \t]*(?P<text>.*)$")
_NOISE = re.compile(
    r"^\s*(?:\{\*\s.*\*\}|\{!.*!\}|-{1,}8<-{1,}(?: .*)?|\{:?\s*[#.][^{}]*\}|\[TOC\]|\[\[toc\]\])\s*$", re.I
)
_UNTITLED = frozenset({"html", "caption", "div", "raw", "details", "code-group", "define", "columns"})
# A box's title may be joined only to the start of a paragraph, not to a list, a fence, a heading or a table.
_PROSE = re.compile(r"^[^\W\d_]|^[*_`\[\"«“(]+[^\W\d_]|^\*\*")
_FOOTNOTE_REF = re.compile(r"(?<=\S)\[\^[^\[\]\s]+\](?!:)")


def to_commonmark(text: str, deadline: Deadline) -> str:
    """`text` with the dialects' blocks rewritten; fenced code is left alone."""
    return "\n".join(_rewrite(text.split("\n"), 0, deadline))


def _rewrite(lines: list[str], depth: int, deadline: Deadline) -> list[str]:
    if depth > MAX_DEPTH:
        raise too_deep("admonitions or tabs")
    out: list[str] = []
    label = ""
    i = 0
    while i < len(lines):
        deadline.check()
        line = lines[i]
        fence = _FENCE.match(line)
        if fence is not None:
            end = _fence_end(lines, i, fence["mark"])
            if label:
                out.extend((f"{label}:", ""))
                label = ""
            out.extend(lines[i:end])
            i = end
            continue
        opened = _BOX.match(line) or _TAB.match(line)
        if opened is not None:
            body, i = _indented(lines, i + 1, len(opened["indent"]))
            title = _title_of(opened.groupdict())
            inner = _rewrite(body, depth + 1, deadline)
            pad = opened["indent"]
            out.extend(["", *(pad + row if row else "" for row in _labelled(title, inner)), ""])
            continue
        if _BLOCK_END.match(line) or _NOISE.match(line):
            out.append("")
            i += 1
            continue
        block = _BLOCK.match(line)
        if block is not None:
            i = _after_options(lines, i + 1)
            out.extend(("", f"{label}:", "") if label else ("",))
            label = block["indent"] + _block_title(block["kind"], block["rest"])
            label = label if label.strip() else ""
            continue
        footnote = _FOOTNOTE.match(line)
        if footnote is not None:
            body, i = _indented(lines, i + 1, 0)
            out.extend(["", footnote["text"], *_rewrite(body, depth + 1, deadline), ""])
            continue
        if label and line.strip():
            out.extend(_labelled(label, [line]))
            label = ""
        else:
            out.append(line)
        i += 1
    if label:
        out.append(label)
    return out


def _fence_end(lines: list[str], start: int, mark: str) -> int:
    closing = re.compile(rf"^\s*(?:>\s?)*{re.escape(mark[0])}{{{len(mark)},}}\s*$")
    for i in range(start + 1, len(lines)):
        if closing.match(lines[i]):
            return i + 1
    return len(lines)


def _indented(lines: list[str], start: int, indent: int) -> tuple[list[str], int]:
    """The lines indented four columns more than `indent`, without that indent, and where they end."""
    need = indent + 4
    body: list[str] = []
    i = start
    while i < len(lines):
        line = lines[i].expandtabs(4) if lines[i][: need + 1].count("\t") else lines[i]
        if line.strip() and len(line) - len(line.lstrip(" ")) < need:
            break
        body.append(line[need:] if line.strip() else "")
        i += 1
    return body, i


def _after_options(lines: list[str], start: int) -> int:
    while start < len(lines) and _OPTION.match(lines[start]):
        start += 1
    return start


def _title_of(groups: dict[str, str | None]) -> str:
    if groups.get("title") is not None:
        return (groups["title"] or "").strip()
    kind = (groups.get("kind") or "").split()
    kind = [k for k in kind if k not in {"inline", "end", "annotate"}]
    return kind[0].capitalize() if kind else ""


def _block_title(kind: str, rest: str) -> str:
    rest = rest.strip()
    if rest.startswith("|"):
        return rest[1:].strip()
    rest = re.sub(r"^\[(.*)\]$|\{[^{}]*\}", r"\1", rest).strip()
    if rest and not rest.startswith(("[", ".")):
        # `::: package.module` of mkdocstrings names what is documented; `:::tip Title` has a title.
        return rest
    return "" if kind.lower() in _UNTITLED else kind.capitalize()


def _labelled(title: str, lines: list[str]) -> Iterator[str]:
    """The lines with `title: ` before the first paragraph, or on a line of its own where none follows."""
    rows = iter(lines)
    if not title:
        yield from rows
        return
    for row in rows:
        if not row.strip():
            yield row
            continue
        indent = row[: len(row) - len(row.lstrip(" "))]
        mark = "" if title.rstrip().endswith((".", "!", "?", ":", "…")) else ":"
        if _PROSE.match(row.lstrip(" ")):
            yield f"{indent}{title.strip()}{mark} {row.lstrip(' ')}"
        else:
            yield from (f"{indent}{title.strip()}{mark}", "", row)
        break
    else:
        yield title
    yield from rows


def without_footnote_marks(text: str) -> str:
    """Text without `[^1]`, which the reader sees as a small raised number."""
    return _FOOTNOTE_REF.sub("", text)
