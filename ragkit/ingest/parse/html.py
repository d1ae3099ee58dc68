"""HTML → canonical text: what a reader sees, in reading order, without the page's furniture.

Boilerplate: where a page has a `main` that holds a fair share of its text, that is the document; where it has
an `article`, page-level header, footer and asides go; a page with neither keeps all but its navigation, and
that too when nothing else is left. Scripts, styles, templates and hidden elements never count as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.html_rows import is_hidden, layout_tables, table_rows, visible_text
from ragkit.ingest.parse.limits import Deadline, too_deep
from ragkit.ingest.parse.tables import append_table
from ragkit.types import MetadataValue

_BLOCKS = frozenset(
    (  # noqa: SIM905
        "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
        "figcaption figure footer form header hgroup hr legend li main menu nav ol optgroup option p pre "
        "search section summary table tbody td tfoot th thead tr ul"
    ).split()
)
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_SPACES = re.compile(r"[ \t\n\f]+")
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
# Elements that HTML closes by itself: open tags without an end are no sign of depth.
_SELF_CLOSING = frozenset(
    (  # noqa: SIM905
        "p li td th tr dt dd option optgroup thead tbody tfoot colgroup rt rp body html head area base br "
        "col embed hr img input link meta param source track wbr"
    ).split()
)
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{50000}")
# The parser's time grows with the square of the depth: 5,000 take 0.04 s, 100,000 take 21 s.
_MAX_DEPTH = 2_000
_MAX_ATTRIBUTES = 2_000
_FAIR_SHARE = 0.2


def parse_html(text: str) -> Parsed:
    """Canonical text of an HTML page; `title` and `lang` become metadata.

    Raises:
        DocumentError: nesting, attributes or parsing time beyond the limits.

    >>> parse_html("<title>T</title><main><h1>Guide</h1><p>Read <b>this</b>.</p></main>").text
    'Guide\\n\\nRead this.'
    """
    deadline = Deadline(len(text))
    tree = _tree(text, deadline)
    out = CanonicalText()
    body = tree.body
    if body is not None:
        root, dropped = _content(body)
        _Writer(out, deadline, dropped).write(root)
        if out.is_empty:
            _Writer(out, deadline, frozenset()).write(body)
    return out.build(_metadata(tree))


def append_html(out: CanonicalText, fragment: str, deadline: Deadline) -> None:
    """Appends the text of an HTML fragment (a block of HTML in another format)."""
    body = _tree(fragment, deadline).body
    if body is not None:
        _Writer(out, deadline, frozenset(), in_fragment=True).write(body)


def declared_charset(data: bytes) -> str | None:
    """The charset that a page names in its first 1,024 bytes (where the HTML standard requires it)."""
    match = re.search(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", data[:1024], re.I)
    match = match or re.search(rb"""<\?xml[^>]*encoding=["']([A-Za-z0-9_:.-]+)""", data[:1024])
    return match[1].decode("ascii") if match else None


def _tree(text: str, deadline: Deadline) -> LexborHTMLParser:
    depth = 0
    for match in _TAG.finditer(text):
        deadline.check()
        if match[2].lower() not in _SELF_CLOSING:
            depth = max(0, depth - 1) if match[1] else depth + 1
            if depth > _MAX_DEPTH:
                raise too_deep("HTML elements", _MAX_DEPTH)
    for match in _LONG_TAG.finditer(text):
        end = text.find(">", match.start())
        tag = re.sub(r"\"[^\"]*\"|'[^']*'", "", text[match.start() : end if end >= 0 else len(text)])
        if len(tag.split()) > _MAX_ATTRIBUTES:
            raise DocumentError(
                f"an HTML tag has more than {_MAX_ATTRIBUTES:,} attributes. Check the file", stage="parse"
            )
    return LexborHTMLParser(text)


def _metadata(tree: LexborHTMLParser) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    title = tree.css_first("head > title")
    if title is not None and (words := title.text().split()):
        metadata["title"] = " ".join(words)
    lang = (tree.root.attributes.get("lang") or "") if tree.root is not None else ""
    if re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9-]*)?", lang):
        metadata["lang"] = re.split("[-_]", lang)[0].lower()
    return metadata


def _content(body: LexborNode) -> tuple[LexborNode, frozenset[str]]:
    """The element to read and the tags to leave out within it."""
    main = body.css_first("main, [role=main]")
    if main is not None:
        furniture = frozenset({"nav"})
        whole = len(visible_text(body, furniture))
        if len(visible_text(main, furniture)) >= _FAIR_SHARE * whole:
            return main, furniture
    if body.css_first("article") is not None:
        return body, frozenset({"nav", "page-header", "footer", "aside"})
    return body, frozenset({"nav"})


class _Writer:
    """Walks the tree without recursion and appends what it sees."""

    def __init__(
        self, out: CanonicalText, deadline: Deadline, dropped: frozenset[str], *, in_fragment: bool = False
    ) -> None:
        self._out = out
        self._deadline = deadline
        self._dropped = dropped
        self._in_fragment = in_fragment
        self._parts: list[str] = []
        self._lists: list[int | None] = []
        self._marker = ""
        self._tight = False
        self._term = ""
        self._pre = 0
        self._layout: frozenset[int] = frozenset()

    def write(self, root: LexborNode) -> None:
        self._layout = layout_tables(root)
        for node, entering in _walk(root, self._enters):
            self._deadline.check()
            if entering:
                self._enter(node)
            else:
                self._leave(node)
        self._flush()
        self._flush_term()

    def _enters(self, node: LexborNode) -> bool:
        """Whether the children of `node` are to be visited; those of headings and tables are read at once."""
        tag = node.tag or ""
        if is_hidden(node) or self._is_dropped(node, tag):
            return False
        return not (tag in _HEADINGS or (tag == "table" and node.mem_id not in self._layout))

    def _is_dropped(self, node: LexborNode, tag: str) -> bool:
        if tag in self._dropped or (
            tag == "div" and (node.attributes.get("role") == "navigation") and self._dropped
        ):
            return not _is_inside_article(node) if tag in {"footer", "aside"} else True
        return tag == "header" and "page-header" in self._dropped and not _is_inside_article(node)

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._text(node.text_content or "")
        elif is_hidden(node) or self._is_dropped(node, tag):
            return
        elif tag in _HEADINGS:
            self._flush()
            self._flush_term()
            self._heading(node, _HEADINGS[tag])
        elif tag == "table" and node.mem_id not in self._layout:
            self._flush()
            self._flush_term()
            append_table(self._out, *table_rows(node))
            self._tight = False
        elif tag == "br":
            self._parts.append("\n")
        elif tag == "img":
            self._parts.append(_SPACES.sub(" ", node.attributes.get("alt") or ""))
        elif tag in _BLOCKS:
            self._flush()
            self._open(node, tag)

    def _open(self, node: LexborNode, tag: str) -> None:
        if tag in {"ul", "menu", "dir"}:
            self._lists.append(None)
        elif tag == "ol":
            start = node.attributes.get("start") or "1"
            self._lists.append(int(start) if re.fullmatch(r"-?\d{1,9}", start) else 1)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            self._marker = "- " if number is None else f"{number}. "
            if number is not None:
                self._lists[-1] = number + 1
        elif tag == "pre":
            self._pre += 1

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in {"abbr", "dfn"} and (title := (node.attributes.get("title") or "").strip()):
            self._parts.append(f" ({title})")
        if tag not in _BLOCKS:
            return
        if tag == "dt":
            self._name()
        self._flush()
        if tag in {"ul", "ol", "menu", "dir"} and self._lists:
            self._lists.pop()
            self._tight = bool(self._lists)
        elif tag == "li":
            self._marker = ""
        elif tag == "pre":
            self._pre -= 1

    def _name(self) -> None:
        """Keeps the term just read for its definition: `Term: what it means`."""
        term = " ".join("".join(self._parts).split())
        self._parts.clear()
        if term:
            joined = f"{self._term.rstrip(':')}, {term}" if self._term else term
            self._term = joined if joined.endswith(":") else f"{joined}:"

    def _text(self, text: str) -> None:
        self._parts.append(text if self._pre else _SPACES.sub(" ", text))

    def _heading(self, node: LexborNode, level: int) -> None:
        title = visible_text(node, frozenset(), without_anchors=True)
        if self._lists or (self._in_fragment and not title):
            self._parts.append(title)
            self._flush()
        else:
            self._out.heading(title, level=level)
            self._tight = False

    def _flush_term(self) -> None:
        """Writes a term that no definition followed."""
        if self._term:
            term, self._term = self._term, ""
            self._parts.append(term)
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        if not self._pre:
            text = "\n".join(line.strip() for line in re.sub(" {2,}", " ", text).split("\n")).strip("\n")
        if not text.strip():
            return
        if self._term:
            text, self._term = f"{self._term} {text}", ""
        indent = "  " * (len(self._lists) - 1) if self._lists else ""
        if self._marker:
            first, rest = indent + self._marker, indent + " " * len(self._marker)
        else:
            first = rest = indent + "  " if self._lists else ""
        if self._pre:
            first = rest = ""
        # `<br><br>` is how older pages end a paragraph.
        for paragraph in [text] if self._pre else re.split(r"\n{2,}", text):
            self._out.block(
                first + paragraph.replace("\n", "\n" + rest), tight=bool(self._lists) and self._tight
            )
            self._tight = bool(self._lists)
            first = rest
        self._marker = ""


def _walk(root: LexborNode, enters: Callable[[LexborNode], bool]) -> Iterator[tuple[LexborNode, bool]]:
    """Every node below `root` on the way in and, for those whose children were visited, on the way out."""
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, entering = stack.pop()
        yield node, entering
        if entering and enters(node):
            stack.append((node, False))
            children = list(node.iter(include_text=True))
            stack.extend((child, True) for child in reversed(children))


def _is_inside_article(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag == "article":
            return True
        parent = parent.parent
    return False
