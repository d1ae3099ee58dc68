"""reStructuredText → canonical text, by docutils with every way out of the document closed.

No file is included, no raw output taken, no address fetched, no configuration file read. What Sphinx adds
(unknown directives and roles) is read for its text. What docutils could not read is noted in the metadata.
"""

from __future__ import annotations

import re
from textwrap import dedent

import docutils.core
from docutils import nodes

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import MAX_CHARACTERS, CanonicalText, Parsed
from ragkit.ingest.parse.limits import Deadline, too_deep
from ragkit.ingest.parse.rst_limits import LimitedParser
from ragkit.ingest.parse.tables import append_table
from ragkit.types import MetadataValue

_MAX_DEPTH = 200  # elements; a list within a list is two
_SETTINGS: dict[str, object] = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 6,
    "report_level": 5,
    "warning_stream": False,
    # Without it docutils ends the process on an internal error instead of raising it.
    "traceback": True,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,
    "docinfo_xform": False,
    # A longer line would silently empty the document; the deadline ends what takes too long.
    "line_length_limit": MAX_CHARACTERS,
}
_DIRECTIVE = re.compile(r"\.\. (?P<name>[\w:+.-]+)::[ \t]*(?P<argument>[^\n]*)\n?(?P<body>.*)", re.DOTALL)
_OPTIONS = re.compile(r"\A(?:[ \t]*:[\w-]+:[^\n]*\n?)+")
# Bounded and possessive, so that no text makes them look at the same stretch again and again.
_ROLE = re.compile(r":[\w:+.-]{1,80}:`~?!?(?P<text>[^`<]++)(?:<[^`>]*+>)?`")
# Directives that hold names of files or modules, not text.
_WITHOUT_TEXT = frozenset(
    (  # noqa: SIM905
        "toctree include raw automodule autoclass autofunction automethod autodata autosummary "
        "autoexception currentmodule module py:module py:currentmodule index highlight literalinclude"
    ).split()
)
_MAX_NESTED_DIRECTIVES = 8
_LEAVES = (
    nodes.paragraph,
    nodes.term,
    nodes.attribution,
    nodes.caption,
    nodes.line,
    nodes.rubric,
    nodes.legend,
)
_UNSEEN = (
    nodes.comment,
    nodes.target,
    nodes.substitution_definition,
    nodes.pending,
    nodes.meta,
    nodes.raw,
    nodes.colspec,
    nodes.label,
    nodes.decoration,
)


def parse_rst(text: str) -> Parsed:
    """Canonical text of a reStructuredText document.

    Raises:
        DocumentError: nesting or parsing time beyond the limits, or docutils failed on the text.

    >>> parse_rst("Setup\\n=====\\n\\nRun *it* with :ref:`care <x>`.").text
    'Setup\\n\\nRun it with care.'
    """
    writer = _Writer(Deadline(len(text)))
    writer.write_source(text)
    metadata: dict[str, MetadataValue] = {"notes": tuple(writer.notes[:10])} if writer.notes else {}
    return writer.out.build(metadata)


def _doctree(text: str, deadline: Deadline) -> nodes.document:
    try:
        return docutils.core.publish_doctree(
            text, parser=LimitedParser(deadline), settings_overrides=dict(_SETTINGS)
        )
    except DocumentError:
        raise
    except RecursionError as e:
        raise too_deep("reStructuredText blocks") from e
    except Exception as e:
        problem = f"docutils could not read it ({type(e).__name__}: {e}). Ingest it as plain text (.txt)"
        raise DocumentError(problem, stage="parse") from e


class _Writer:
    def __init__(self, deadline: Deadline) -> None:
        self.out = CanonicalText()
        self.notes: list[str] = []
        self._deadline = deadline
        self._level = 0
        self._depth = 0  # of lists
        self._marker = ""
        self._tight = False
        self._nested_sources = 0
        self._nesting = 0

    def write_source(self, text: str) -> None:
        tree = _doctree(text, self._deadline)
        try:
            self._children(tree)
        except RecursionError as e:
            raise too_deep("reStructuredText blocks") from e

    def _children(self, node: nodes.Element) -> None:
        # Counted, since how deep Python itself lets us go depends on what else the process has loaded.
        self._nesting += 1
        if self._nesting > _MAX_DEPTH:
            raise too_deep("reStructuredText blocks", _MAX_DEPTH)
        for child in node.children:
            self._node(child)
        self._nesting -= 1

    def _node(self, node: nodes.Node) -> None:
        self._deadline.check()
        if isinstance(node, nodes.section):
            self._level += 1
            self._children(node)
            self._level -= 1
        elif isinstance(node, nodes.title):
            self._title(node)
        elif isinstance(node, nodes.system_message):
            self._message(node)
        elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
            if self._marker:
                self._block("")
            self.out.block(node.astext(), tight=self._depth > 0)
        elif isinstance(node, nodes.table):
            self._table(node)
        elif isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            self._list(node)
        elif isinstance(node, nodes.Element) and isinstance(node, nodes.Admonition):
            self._admonition(node)
        elif isinstance(node, nodes.definition_list_item):
            self._definition(node)
        elif isinstance(node, nodes.field):
            self._field(node)
        elif isinstance(node, nodes.image):
            self._block(str(node.get("alt", "")))
        elif isinstance(node, _LEAVES):
            self._block(_inline(node))
        elif isinstance(node, nodes.Element) and not isinstance(node, _UNSEEN):
            self._children(node)

    def _title(self, node: nodes.title) -> None:
        title = _inline(node)
        if self._level and isinstance(node.parent, nodes.section):
            self.out.heading(title, level=self._level)
            self._tight = False
        else:
            self._block(title)

    def _block(self, text: str) -> None:
        if not text.strip() and not self._marker:
            return
        indent = "  " * (self._depth - 1) if self._depth else ""
        first = indent + self._marker if self._marker else (indent + "  " if self._depth else "")
        rest = " " * len(first)
        self.out.block(first + text.replace("\n", "\n" + rest), tight=self._depth > 0 and self._tight)
        self._marker = ""
        self._tight = self._depth > 0

    def _list(self, node: nodes.Element) -> None:
        self._depth += 1
        number = int(node.get("start", 1))
        for item in node.children:
            self._marker = "- " if isinstance(node, nodes.bullet_list) else f"{number}. "
            number += 1
            if isinstance(item, nodes.Element):
                self._children(item)
        self._marker = ""
        self._depth -= 1
        self._tight = self._depth > 0

    def _admonition(self, node: nodes.Element) -> None:
        """A box with its title before its first paragraph: `Warning: …`."""
        own = [c for c in node.children if isinstance(c, nodes.title)]
        title = _inline(own[0]) if own else node.tagname.capitalize()
        rest = [c for c in node.children if c not in own]
        if rest and isinstance(rest[0], nodes.paragraph):
            self._block(f"{title}: {_inline(rest[0])}")
            rest = rest[1:]
        else:
            self._block(f"{title}:")
        for child in rest:
            self._node(child)

    def _definition(self, node: nodes.definition_list_item) -> None:
        terms = [
            _inline(child) for child in node.children if isinstance(child, nodes.term | nodes.classifier)
        ]
        for child in node.children:
            if isinstance(child, nodes.definition):
                self._named(", ".join(terms), child)

    def _field(self, node: nodes.field) -> None:
        body = node.children[1]
        if isinstance(body, nodes.Element):
            self._named(node.children[0].astext(), body)

    def _named(self, name: str, body: nodes.Element) -> None:
        """`name: ` and what it names, in one block where that begins with a paragraph."""
        first = body.children[0] if body.children else None
        label = name if name.endswith(":") else f"{name}:"
        has_text = isinstance(first, nodes.paragraph)
        self._block(f"{label} {_inline(first)}" if has_text and first is not None else label)
        for child in body.children[1 if has_text else 0 :]:
            self._node(child)

    def _table(self, node: nodes.table) -> None:
        for title in node.findall(nodes.title):
            self._block(_inline(title))
        header: list[str] = []
        rows: list[list[str]] = []
        for row in node.findall(nodes.row):
            cells = [_inline(entry) for entry in row.children if isinstance(entry, nodes.Element)]
            if isinstance(row.parent, nodes.thead) and not header:
                header = cells
            else:
                rows.append(cells)
        append_table(self.out, header, rows)
        self._tight = False

    def _message(self, node: nodes.system_message) -> None:
        """An unknown directive is read for its text; what else docutils complains of is noted."""
        source = next((c.astext() for c in node.children if isinstance(c, nodes.literal_block)), None)
        problem = node.children[0].astext().partition("\n")[0] if node.children else ""
        if source is None:
            if int(node.get("level", 0)) >= 3 and "Unknown interpreted text role" not in problem:
                self.notes.append(f"line {node.get('line', '?')}: {problem}")
            return
        match = _DIRECTIVE.match(source.lstrip())
        if match is None or "directive disabled" in problem:
            self.notes.append(f"line {node.get('line', '?')}: {problem}")
            if match is None:
                self.out.block(source)
            return
        if match["name"] in _WITHOUT_TEXT or self._nested_sources >= _MAX_NESTED_DIRECTIVES:
            return
        body = _OPTIONS.sub("", dedent(match["body"]).lstrip("\n"))
        self._nested_sources += 1
        level, self._level = self._level, 0
        tree = _doctree(
            "\n\n".join(part for part in (match["argument"], body) if part.strip()), self._deadline
        )
        for child in tree.children:
            self._node(child)
        self._level = level
        self._nested_sources -= 1


def _inline(node: nodes.Node) -> str:
    """The text of inline content on one line; roles that docutils does not know give their text."""
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.problematic):
        return _ROLE.sub(lambda m: m["text"].rstrip(), node.astext())
    if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
        return ""
    if isinstance(node, nodes.image):
        return str(node.get("alt", ""))
    if isinstance(node, nodes.literal | nodes.math):
        return node.astext()
    if isinstance(node, nodes.system_message):
        return ""
    gap = "" if isinstance(node, nodes.TextElement) else " "
    joined = ""
    for child in node.children:
        if isinstance(child, nodes.footnote_reference | nodes.citation_reference):
            # Docutils wants a blank before the mark, which goes with it.
            joined = joined.rstrip()
        joined += (gap if joined else "") + _inline(child)
    if isinstance(node, nodes.Inline):
        return joined
    return " ".join(joined.split())
