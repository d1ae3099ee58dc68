"""Recognises a binary format by its first bytes, whatever the file is called."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """A binary format: the short name that `parse` may know it by, how to call it, and what mends it."""

    name: str
    title: str = field(kw_only=True)
    remedy: str = field(default="export it as text, Markdown or HTML", kw_only=True)


_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (
        b"%PDF-",
        Kind("pdf", title="a PDF document", remedy="extract its text first, for example with pdftotext"),
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("ole", title="an old Microsoft Office document")),
    (b"{\\rtf", Kind("rtf", title="an RTF document")),
    (b"\x89PNG\r\n", Kind("png", title="a PNG image", remedy="text in images is not read")),
    (b"\xff\xd8\xff", Kind("jpeg", title="a JPEG image", remedy="text in images is not read")),
    (b"GIF8", Kind("gif", title="a GIF image", remedy="text in images is not read")),
    (b"\x1f\x8b", Kind("gzip", title="a gzip archive", remedy="unpack it first")),
    (b"BZh", Kind("bzip2", title="a bzip2 archive", remedy="unpack it first")),
    (b"\xfd7zXZ\x00", Kind("xz", title="an xz archive", remedy="unpack it first")),
    (b"7z\xbc\xaf\x27\x1c", Kind("7z", title="a 7-Zip archive", remedy="unpack it first")),
    (b"Rar!\x1a\x07", Kind("rar", title="a RAR archive", remedy="unpack it first")),
    (b"SQLite format 3\x00", Kind("sqlite", title="an SQLite database", remedy="export its texts")),
    (b"\x7fELF", Kind("elf", title="a program", remedy="it holds no document")),
    (b"OggS", Kind("ogg", title="an audio file", remedy="transcribe it first")),
    (b"ID3", Kind("mp3", title="an audio file", remedy="transcribe it first")),
    (b"RIFF", Kind("riff", title="an image, audio or video file", remedy="its content is not read")),
    (b"wOF", Kind("font", title="a font", remedy="it holds no document")),
)
# Members that tell the ZIP-based formats apart; they stand near the front, uncompressed in the local headers.
_ZIP_MEMBERS: tuple[tuple[bytes, Kind], ...] = (
    (b"word/", Kind("docx", title="a Word document")),
    (b"xl/", Kind("xlsx", title="an Excel workbook")),
    (b"ppt/", Kind("pptx", title="a PowerPoint presentation")),
    (b"mimetypeapplication/epub", Kind("epub", title="an EPUB book")),
    (b"mimetypeapplication/vnd.oasis.opendocument", Kind("odf", title="an OpenDocument file")),
)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def sniff(data: bytes) -> Kind | None:
    """The binary format that `data` begins like, or None when it may be text.

    >>> sniff(b"%PDF-1.7 ...").title
    'a PDF document'
    """
    if data.startswith(_BOMS):
        return None
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data.startswith(b"PK\x03\x04"):
        head = data[:8192] + data[-8192:]
        for member, kind in _ZIP_MEMBERS:
            if member in head:
                return kind
        return Kind("zip", title="a ZIP archive", remedy="unpack it first")
    return None
