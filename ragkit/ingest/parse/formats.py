"""The formats that can be read, one row each, and the way from a source file to a `Document`.

A new format is one file with a parser and one row here. A text format's parser takes the decoded text, a
binary format's takes the bytes and runs in the worker process of a `Sandbox`; both give `Parsed`.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType

from ragkit.errors import DocumentError, did_you_mean
from ragkit.ingest.load.decode import Decoded, decode
from ragkit.ingest.load.sniff import sniff
from ragkit.ingest.load.source import MAX_BYTES, SourceFile
from ragkit.ingest.parse.canonical import Parsed
from ragkit.ingest.parse.charset import decode_lenient
from ragkit.ingest.parse.format import Format
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.ingest.parse.save_as import save_as
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Document, MetadataValue

# Part of the pipeline's fingerprint: a change of what any parser gives must raise it.
PARSER_VERSION = "parse/3"


FORMATS: tuple[Format, ...] = (
    Format(
        "markdown",
        title="a Markdown document",
        extensions=(".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd"),
        media_types=("text/markdown", "text/x-markdown"),
        target="ragkit.ingest.parse.markdown:parse_markdown",
    ),
    Format(
        "html",
        title="an HTML page",
        extensions=(".html", ".htm", ".xhtml"),
        media_types=("text/html", "application/xhtml+xml"),
        target="ragkit.ingest.parse.html:parse_html",
    ),
    Format(
        "rst",
        title="a reStructuredText document",
        extensions=(".rst", ".rest"),
        media_types=("text/x-rst", "text/prs.fallenstein.rst"),
        target="ragkit.ingest.parse.rst:parse_rst",
    ),
    Format(
        "text",
        title="a text file",
        # No extension: README, LICENSE, NOTICE and their like.
        extensions=(".txt", ".text", ".log", ""),
        media_types=("text/plain",),
        target="ragkit.ingest.parse.plain:parse_plain",
    ),
    Format(
        "csv",
        title="a table file",
        extensions=(".csv", ".tsv", ".tab"),
        media_types=("text/csv", "text/tab-separated-values"),
        target="ragkit.ingest.parse.table_file:parse_table",
    ),
    Format(
        "json",
        title="a JSON document",
        extensions=(".json", ".geojson"),
        media_types=("application/json", "application/ld+json", "application/geo+json"),
        target="ragkit.ingest.parse.json_file:parse_json",
    ),
    Format(
        "jsonl",
        title="a JSON Lines file",
        extensions=(".jsonl", ".ndjson"),
        media_types=("application/jsonl", "application/x-ndjson"),
        target="ragkit.ingest.parse.json_file:parse_json_lines",
    ),
    Format(
        "eml",
        title="an e-mail",
        extensions=(".eml",),
        media_types=("message/rfc822",),
        target="ragkit.ingest.parse.eml:parse_eml",
        is_binary=True,
    ),
    Format(
        "pdf",
        title="a PDF document",
        extensions=(".pdf",),
        media_types=("application/pdf", "application/x-pdf"),
        target="ragkit.ingest.parse.pdf:parse_pdf",
        is_binary=True,
        magic="pdf",
        package="pypdfium2",
        extra="pdf",
    ),
    Format(
        "docx",
        title="a Word document",
        extensions=(".docx", ".docm", ".dotx", ".dotm"),
        media_types=("application/vnd.openxmlformats-officedocument.wordprocessingml.document",),
        target="ragkit.ingest.parse.docx:parse_docx",
        is_binary=True,
        magic="docx",
    ),
    Format(
        "pptx",
        title="a PowerPoint presentation",
        extensions=(".pptx", ".pptm", ".ppsx", ".potx"),
        media_types=("application/vnd.openxmlformats-officedocument.presentationml.presentation",),
        target="ragkit.ingest.parse.pptx:parse_pptx",
        is_binary=True,
        magic="pptx",
    ),
    Format(
        "xlsx",
        title="an Excel workbook",
        extensions=(".xlsx", ".xlsm", ".xltx"),
        media_types=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
        target="ragkit.ingest.parse.xlsx:parse_xlsx",
        is_binary=True,
        magic="xlsx",
        package="openpyxl",
        extra="office",
    ),
    Format(
        "epub",
        title="an EPUB book",
        extensions=(".epub",),
        media_types=("application/epub+zip",),
        target="ragkit.ingest.parse.epub:parse_epub",
        is_binary=True,
        magic="epub",
    ),
)
# The stream that holds an Office document with a password, as old Office files name their streams.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP_BASED = frozenset({"docx", "pptx", "xlsx", "epub"})
_BY_EXTENSION = MappingProxyType({ext: row for row in FORMATS for ext in row.extensions})
_BY_MEDIA_TYPE = MappingProxyType({name: row for row in FORMATS for name in row.media_types})
_BY_MAGIC = MappingProxyType({row.magic: row for row in FORMATS if row.magic})


def parse(source: SourceFile, *, max_bytes: int = MAX_BYTES, sandbox: Sandbox | None = None) -> Document:
    """The document in a source file, in canonical text.

    Its metadata has what the source says of itself (front matter, HTML title and language) and, where that
    is silent, `title` (the first heading of the top level), `lang` (detected) and `format`.

    Args:
        source: the file.
        max_bytes: the largest file that is read.
        sandbox: where binary formats are parsed; without one, each document gets its own, which takes
            about 0.1 s longer.

    Raises:
        DocumentError: it cannot be read, is of no known format, holds no text, or goes beyond a limit;
            `rejected` where it is no document of ours at all.
    """
    return parse_bytes(
        source.read(max_bytes), id=source.id, uri=source.uri, extension=source.extension, sandbox=sandbox
    )


def parse_bytes(
    data: bytes,
    *,
    id: str,  # noqa: A002  (the document's own word for it)
    uri: str | None = None,
    extension: str = "",
    media_type: str | None = None,
    sandbox: Sandbox | None = None,
) -> Document:
    """The document in `data`, whose format is told by `media_type` or else by `extension` (with its dot).

    Raises:
        DocumentError: as for `parse`.
    """
    row = _format_of(data, extension, media_type)
    if not data.strip():
        raise DocumentError("the file is empty. Nothing to index", stage="parse", rejected=True, blank=True)
    notes: tuple[str, ...] = ()
    if row.is_binary:
        parsed = _read_apart(row, data, sandbox)
    else:
        decoded = _decoded(row, data)
        parsed, notes = row.run(decoded.text), decoded.notes
        if decoded.encoding not in {"utf-8", "ascii"}:
            notes = (*notes, f"read as {decoded.encoding}")
    if not any(c.isprintable() and not c.isspace() for c in parsed.text):
        only = "it is empty, or has pictures only" if row.is_binary else "only markup, scripts or comments"
        reason = f"it holds no text a reader would see ({only})"
        raise DocumentError(reason, stage="parse", rejected=True, blank=True)
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
        expected = _BY_EXTENSION.get(extension.lower())
        if kind.name == "zip" and expected is not None and expected.magic in _ZIP_BASED:
            return expected  # its members lie in another order than usual; the parser will see
        if kind.name == "ole" and _ENCRYPTED in data:
            reason = "needs_password: it is encrypted. Save it without a password, then ingest it again"
            raise DocumentError(reason, stage="load")
        named = f" named {extension}" if extension in _BY_EXTENSION and extension else ""
        remedy = (save_as(extension, data) if kind.name in {"ole", "odf"} else None) or kind.remedy
        reason = f"it is {kind.title}{named}, which is not a format that can be read: {remedy}"
        raise DocumentError(reason, stage="load", rejected=True)
    essence = (media_type or "").partition(";")[0].strip().lower()
    row = _BY_MEDIA_TYPE.get(essence) or _BY_EXTENSION.get(extension.lower())
    if row is None:
        raise DocumentError(_unknown(essence, extension), stage="load", rejected=True)
    return row


def _unknown(essence: str, extension: str) -> str:
    remedy = save_as(extension)
    if remedy is not None:
        return f"{extension} is not a format that can be read: {remedy}"
    known = sorted(ext for ext in _BY_EXTENSION if ext)
    return (
        f"unknown format {essence or extension!r}.{did_you_mean(extension, known)} "
        f"Known: {', '.join(known)}. Rename a text file to .txt, or convert it"
    )


def _decoded(row: Format, data: bytes) -> Decoded:
    if row.name != "html":
        return decode(data)
    declared: str | None = importlib.import_module("ragkit.ingest.parse.html").declared_charset(data)
    return decode_lenient(data, declared=declared)


def _read_apart(row: Format, data: bytes, sandbox: Sandbox | None) -> Parsed:
    row.require()
    if sandbox is not None:
        return sandbox.parse(row, data)
    with Sandbox() as own:
        return own.parse(row, data)


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
