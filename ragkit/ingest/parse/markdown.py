"""Markdown (CommonMark with tables, strikethrough and the dialects of documentation sites) → canonical text.

Marks go, words stay: link text without its target, image descriptions, code verbatim, tables as rows that
carry their column names, list items with their markers, headings as lines. Embedded HTML gives its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.front_matter import split_front_matter
from ragkit.ingest.parse.html import append_html
from ragkit.ingest.parse.limits import MAX_DEPTH, Deadline, too_deep
from ragkit.ingest.parse.mkdocs import to_commonmark, without_footnote_marks
from ragkit.ingest.parse.tables import append_table
from ragkit.types import MetadataValue

_HEADING_ATTRIBUTES = re.compile(r"\{:?\s*[#.][^{}]*\}\s*$")
_ATTRIBUTES = re.compile(r"^\{:?\s*(?:[#.]|target=|width=|height=|align=|loading=)[^{}]*\}")
_INFO_TITLE = re.compile(r"title=[\"']([^\"']+)[\"']")
_PRESENTATION = re.compile(r"</?(?:font|span|b|u|i|strong|a)\b[^<>]*>")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)([^>]*)>", re.DOTALL)
_TOOLTIP = re.compile(r"\btitle=(?:\"([^\"]*)\"|'([^']*)')")
_DROPPED = frozenset({"script", "style", "template"})


def parse_markdown(text: str) -> Parsed:
    """Canonical text of a Markdown document; front matter becomes metadata.

    Raises:
        DocumentError: nesting or parsing time beyond the limits.

    >>> parse_markdown("# Setup\\n\\nRun **it** with [care](x.md).").text
    'Setup\\n\\nRun it with care.'
    """
    head = split_front_matter(text)
    deadline = Deadline(len(text))
    tokens = _parser(deadline).parse(to_commonmark(head.body, deadline))
    metadata: dict[str, MetadataValue] = dict(head.metadata)
    if head.note:
        metadata["notes"] = (head.note,)
    writer = _Writer(deadline)
    writer.write(tokens)
    return writer.out.build(metadata)


def _parser(deadline: Deadline) -> MarkdownIt:
    # markdown-it drops what is nested beyond its own limit without a word, so ours lies below it and raises.
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_DEPTH + 1}).enable(["table", "strikethrough"])

    def check_block(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
        deadline.check()
        if state.level >= MAX_DEPTH:
            raise too_deep("lists or quotes")
        return False

    def check_inline(_state: StateInline, _silent: bool) -> bool:
        deadline.check()
        return False

    parser.block.ruler.before("table", "limits", check_block)
    parser.inline.ruler.before("text", "limits", check_inline)
    return parser


class _Writer:
    """Walks the flat token stream and appends to the canonical text."""

    def __init__(self, deadline: Deadline) -> None:
        self.out = CanonicalText()
        self._deadline = deadline
        self._lists: list[int | None] = []  # the next number of each open list, None for a bullet list
        self._marker = ""
        self._tight = False

    def write(self, tokens: Sequence[Token]) -> None:
        i = 0
        while i < len(tokens):
            self._deadline.check()
            token = tokens[i]
            kind = token.type
            if kind == "heading_open":
                self._heading(tokens[i + 1], int(token.tag[1]))
                i += 2
            elif kind == "inline":
                self._block(inline_text(token.children or []))
            elif kind in {"fence", "code_block"}:
                self._code(token)
            elif kind == "html_block":
                append_html(self.out, token.content, self._deadline)
            elif kind == "table_open":
                i = self._table(tokens, i)
            else:
                self._list_token(token)
            i += 1

    def _heading(self, inline: Token, level: int) -> None:
        title = _HEADING_ATTRIBUTES.sub("", inline_text(inline.children or [])).rstrip()
        if self._lists:
            # A heading inside a list item opens no section: the section would end before the list does.
            self._block(title)
        else:
            self.out.heading(title, level=level)

    def _list_token(self, token: Token) -> None:
        if token.type == "bullet_list_open":
            self._lists.append(None)
        elif token.type == "ordered_list_open":
            self._lists.append(int(token.attrGet("start") or 1) if token.attrGet("start") != 0 else 0)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            self._lists.pop()
            self._tight = bool(self._lists)
            self._marker = ""
        elif token.type == "list_item_open":
            number = self._lists[-1]
            self._marker = "- " if number is None else f"{number}. "
            if number is not None:
                self._lists[-1] = number + 1

    def _block(self, text: str) -> None:
        if not text.strip() and not self._marker:
            return
        indent = "  " * (len(self._lists) - 1) if self._lists else ""
        if self._marker:
            body = indent + self._marker + text
            rest = indent + " " * len(self._marker)
        else:
            rest = indent + "  " if self._lists else ""
            body = rest + text
        # Within a list everything stands close; its first item is set off from what is above the list.
        self.out.block(body.replace("\n", "\n" + rest), tight=bool(self._lists) and self._tight)
        self._marker = ""
        self._tight = bool(self._lists)

    def _code(self, token: Token) -> None:
        content = token.content
        language, _, _ = token.info.strip().partition(" ")
        if language in {"console", "termynal"}:
            # Terminal sessions of documentation sites are coloured with tags that no reader sees.
            content = _PRESENTATION.sub("", content)
        title = _INFO_TITLE.search(token.info)
        if title:
            self._block(title[1])
        elif self._marker:
            self._block("")
        self.out.block(content.rstrip("\n"), tight=bool(self._lists))

    def _table(self, tokens: Sequence[Token], start: int) -> int:
        header: list[str] = []
        rows: list[list[str]] = []
        row: list[str] = []
        i = start
        while tokens[i].type != "table_close":
            token = tokens[i]
            if token.type == "tr_open":
                row = []
            elif token.type == "inline":
                row.append(inline_text(token.children or []))
            elif token.type == "thead_close":
                header = row
            elif token.type == "tr_close" and tokens[i + 1].type != "thead_close":
                rows.append(row)
            i += 1
        append_table(self.out, header, rows)
        self._tight = False
        return i


def inline_text(children: Sequence[Token]) -> str:
    """The visible text of inline content: marks dropped, soft line ends as spaces, hard ones kept."""
    parts = list(_pieces(children))
    text = "".join(parts)
    return without_footnote_marks(text) if "[^" in text else text


def _pieces(children: Sequence[Token]) -> Iterator[str]:
    dropped: str | None = None
    tooltips: list[tuple[str, str]] = []
    previous = ""
    for token in children:
        if token.type == "html_inline":
            match = _TAG.match(token.content)
            if match is None:
                continue
            closing, tag, attributes = match[1], match[2].lower(), match[3]
            if dropped is not None:
                dropped = None if closing and tag == dropped else dropped
            elif tag in _DROPPED and not closing and not attributes.endswith("/"):
                dropped = tag
            elif tag == "br":
                yield "\n"
            elif tag in {"abbr", "dfn"}:
                yield from _tooltip(tag, closing, attributes, tooltips)
        elif dropped is not None:
            continue
        elif token.type == "text":
            text = token.content
            yield _ATTRIBUTES.sub("", text) if previous in {"link_close", "image", "code_inline"} else text
        elif token.type == "code_inline":
            yield token.content
        elif token.type == "softbreak":
            yield " "
        elif token.type == "hardbreak":
            yield "\n"
        elif token.type == "image":
            yield inline_text(token.children or [])
        if token.type != "text" or token.content:
            previous = token.type


def _tooltip(tag: str, closing: str, attributes: str, open_: list[tuple[str, str]]) -> Iterator[str]:
    """The expansion of an abbreviation, in brackets after it: `API (Application Programming Interface)`."""
    if not closing:
        match = _TOOLTIP.search(attributes)
        open_.append((tag, (match[1] or match[2] or "").strip() if match else ""))
    elif open_ and open_[-1][0] == tag:
        title = open_.pop()[1]
        if title:
            yield f" ({title})"
