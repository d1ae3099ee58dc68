"""The formats that can be read, one row each, and the way from a source file to a `Document`.

A new format is one file with a parser and one row here. A text format's parser takes the decoded text, a
binary format's takes the bytes; both give `Parsed`.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ragkit.errors import DocumentError, did_you_mean
from ragkit.ingest.load.decode import decode
from ragkit.ingest.load.sniff import sniff
from ragkit.ingest.load.source import MAX_BYTES, SourceFile
from ragkit.ingest.parse.canonical import Parsed
from ragkit.ingest.parse.limits import too_deep
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Document, MetadataValue

logger = logging.getLogger(__name__)

# Part of the pipeline's fingerprint: a change of what any parser gives must raise it.
PARSER_VERSION = "parse/1"


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its short name, file extensions, media types, and its parser as `module:function`.

    `magic` is the name that `load.sniff` gives it, for a binary format.
    """

    name: str
    extensions: tuple[str, ...] = field(kw_only=True)
    media_types: tuple[str, ...] = field(kw_only=True)
    target: str = field(kw_only=True)
    magic: str | None = field(default=None, kw_only=True)

    def parser(self) -> Callable[[Any], Parsed]:
        """The parser, imported when first used."""
        module, _, function = self.target.partition(":")
        parser: Callable[[Any], Parsed] = getattr(importlib.import_module(module), function)
        return parser


FORMATS: tuple[Format, ...] = (
    Format(
        "markdown",
        extensions=(".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd"),
        media_types=("text/markdown", "text/x-markdown"),
        target="ragkit.ingest.parse.markdown:parse_markdown",
    ),
    Format(
        "html",
        extensions=(".html", ".htm", ".xhtml"),
        media_types=("text/html", "application/xhtml+xml"),
        target="ragkit.ingest.parse.html:parse_html",
    ),
    Format(
        "rst",
        extensions=(".rst", ".rest"),
        media_types=("text/x-rst", "text/prs.fallenstein.rst"),
        target="ragkit.ingest.parse.rst:parse_rst",
    ),
    Format(
        "text",
        # No extension: README, LICENSE, NOTICE and their like.
        extensions=(".txt", ".text", ".log", ""),
        media_types=("text/plain",),
        target="ragkit.ingest.parse.plain:parse_plain",
    ),
)
_BY_EXTENSION = MappingProxyType({ext: row for row in FORMATS for ext in row.extensions})
_BY_MEDIA_TYPE = MappingProxyType({name: row for row in FORMATS for name in row.media_types})
_BY_MAGIC = MappingProxyType({row.magic: row for row in FORMATS if row.magic})


def parse(source: SourceFile, *, max_bytes: int = MAX_BYTES) -> Document:
    """The document in a source file, in canonical text.

    Its metadata has what the source says of itself (front matter, HTML title and language) and, where that
    is silent, `title` (the first heading of the top level), `lang` (detected) and `format`.

    Raises:
        DocumentError: it cannot be read, is of no known format, holds no text, or goes beyond a limit;
            `rejected` where it is no document of ours at all.
    """
    return parse_bytes(source.read(max_bytes), id=source.id, uri=source.uri, extension=source.extension)


def parse_bytes(
    data: bytes,
    *,
    id: str,  # noqa: A002  (the document's own word for it)
    uri: str | None = None,
    extension: str = "",
    media_type: str | None = None,
) -> Document:
    """The document in `data`, whose format is told by `media_type` or else by `extension` (with its dot).

    Raises:
        DocumentError: as for `parse`.
    """
    row = _format_of(data, extension, media_type)
    if not data.strip():
        raise DocumentError("the file is empty. Nothing to index", stage="parse", rejected=True)
    notes: tuple[str, ...] = ()
    if row.magic:
        parsed = _run(row, data)
    else:
        decoded = decode(data, declared=_declared(row, data))
        parsed, notes = _run(row, decoded.text), decoded.notes
        if decoded.encoding not in {"utf-8", "ascii"}:
            notes = (*notes, f"read as {decoded.encoding}")
    if not parsed.text.strip():
        raise DocumentError(
            "it holds no text a reader would see (only markup, scripts or comments)",
            stage="parse",
            rejected=True,
        )
    return Document(
        id,
        parsed.text,
        uri=uri,
        metadata=_metadata(row, parsed, notes),
        pages=parsed.pages,
        sections=parsed.sections,
        blocks=parsed.blocks,
    )


def _format_of(data: bytes, extension: str, media_type: str | None) -> Format:
    kind = sniff(data)
    if kind is not None:
        if kind.name in _BY_MAGIC:
            return _BY_MAGIC[kind.name]
        named = f" named {extension}" if extension in _BY_EXTENSION and extension else ""
        reason = f"it is {kind.title}{named}, which is not a format that can be read: {kind.remedy}"
        raise DocumentError(reason, stage="load", rejected=True)
    essence = (media_type or "").partition(";")[0].strip().lower()
    row = _BY_MEDIA_TYPE.get(essence) or _BY_EXTENSION.get(extension.lower())
    if row is None:
        known = sorted(ext for ext in _BY_EXTENSION if ext)
        reason = (
            f"unknown format {essence or extension!r}.{did_you_mean(extension, known)} "
            f"Known: {', '.join(known)}. Rename a text file to .txt, or convert it"
        )
        raise DocumentError(reason, stage="load", rejected=True)
    return row


def _declared(row: Format, data: bytes) -> str | None:
    if row.name != "html":
        return None
    declared: str | None = importlib.import_module("ragkit.ingest.parse.html").declared_charset(data)
    return declared


def _run(row: Format, content: str | bytes) -> Parsed:
    try:
        return row.parser()(content)
    except DocumentError:
        raise
    except RecursionError as e:
        raise too_deep("its parts") from e
    except Exception as e:
        # A parser meets hostile input; whatever it raises concerns this document alone.
        logger.debug("the %s parser failed", row.name, exc_info=True)
        reason = f"the {row.name} parser failed ({type(e).__name__}: {e}). Ingest it as plain text (.txt)"
        raise DocumentError(reason, stage="parse") from e


def _metadata(row: Format, parsed: Parsed, notes: tuple[str, ...]) -> dict[str, MetadataValue]:
    metadata = dict(parsed.metadata)
    if not metadata.get("title"):
        metadata.pop("title", None)
        top = min((s.level for s in parsed.sections), default=0)
        title = next((s.title for s in parsed.sections if s.level == top), None)
        if title is not None:
            metadata["title"] = title
    lang = detect_language(parsed.text)
    if lang != UNDETERMINED:
        # A page's declared language is often the template's; the text knows better.
        metadata["lang"] = lang
    metadata.setdefault("format", row.name)
    own = metadata.get("notes")
    if notes or own:
        metadata["notes"] = (*(own if isinstance(own, tuple) else ()), *notes)
    return metadata
