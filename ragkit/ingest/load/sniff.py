"""Recognises a binary format by its first bytes, whatever the file is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """A binary format: the short name that `parse` may know it by, how to call it, and what mends it."""

    name: str
    title: str = field(kw_only=True)
    remedy: str = field(default="export it as text, Markdown or HTML", kw_only=True)


_PDF = Kind("pdf", title="a PDF document", remedy="extract its text first, for example with pdftotext")
_IMAGE, _UNPACK, _PROGRAM = "text in images is not read", "unpack it first", "it holds no document"
_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"%PDF-", _PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("ole", title="an old Microsoft Office document")),
    (b"{\\rtf", Kind("rtf", title="an RTF document")),
    (b"\x89PNG\r\n", Kind("png", title="a PNG image", remedy=_IMAGE)),
    (b"\xff\xd8\xff", Kind("jpeg", title="a JPEG image", remedy=_IMAGE)),
    (b"GIF87a", Kind("gif", title="a GIF image", remedy=_IMAGE)),
    (b"GIF89a", Kind("gif", title="a GIF image", remedy=_IMAGE)),
    (b"II*\x00", Kind("tiff", title="a TIFF image", remedy=_IMAGE)),
    (b"MM\x00*", Kind("tiff", title="a TIFF image", remedy=_IMAGE)),
    (b"AT&TFORM", Kind("djvu", title="a DjVu document", remedy="save it as .pdf")),
    (b"\x1f\x8b", Kind("gzip", title="a gzip archive", remedy=_UNPACK)),
    (b"BZh91AY&SY", Kind("bzip2", title="a bzip2 archive", remedy=_UNPACK)),
    (b"\xfd7zXZ\x00", Kind("xz", title="an xz archive", remedy=_UNPACK)),
    (b"\x28\xb5\x2f\xfd", Kind("zstd", title="a Zstandard archive", remedy=_UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Kind("7z", title="a 7-Zip archive", remedy=_UNPACK)),
    (b"Rar!\x1a\x07", Kind("rar", title="a RAR archive", remedy=_UNPACK)),
    (b"MSCF\x00\x00\x00\x00", Kind("cab", title="a Cabinet archive", remedy=_UNPACK)),
    (b"SQLite format 3\x00", Kind("sqlite", title="an SQLite database", remedy="export its texts")),
    (b"PAR1\x15", Kind("parquet", title="a Parquet file", remedy="export its texts")),
    (b"\x93NUMPY", Kind("numpy", title="a NumPy array", remedy=_PROGRAM)),
    (b"\x7fELF", Kind("elf", title="a program", remedy=_PROGRAM)),
    (b"MZ\x90\x00", Kind("exe", title="a program", remedy=_PROGRAM)),
    (b"\xca\xfe\xba\xbe", Kind("class", title="a program", remedy=_PROGRAM)),
    (b"\xcf\xfa\xed\xfe", Kind("mach-o", title="a program", remedy=_PROGRAM)),
    (b"\x00asm", Kind("wasm", title="a program", remedy=_PROGRAM)),
    (b"OggS\x00", Kind("ogg", title="an audio file", remedy="transcribe it first")),
    (b"fLaC\x00", Kind("flac", title="an audio file", remedy="transcribe it first")),
    (b"\x1aE\xdf\xa3", Kind("mkv", title="a video file", remedy="transcribe it first")),
)
_MEDIA = Kind("media", title="an image, audio or video file", remedy="its content is not read")
# Those that are more than a constant: a text may well begin with "RIFF" or "ID3".
_PATTERNS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"RIFF....(?:WAVE|AVI |WEBP)", re.DOTALL), _MEDIA),
    (re.compile(rb"\x00\x00..ftyp", re.DOTALL), _MEDIA),
    (re.compile(rb"ID3[\x02-\x04]"), Kind("mp3", title="an audio file", remedy="transcribe it first")),
    (re.compile(rb"wOF[F2](?:\x00\x01|OTTO|true)"), Kind("font", title="a font", remedy=_PROGRAM)),
    (re.compile(rb".{257}ustar[\x00 ]", re.DOTALL), Kind("tar", title="a tar archive", remedy=_UNPACK)),
)
# Members that tell the ZIP-based formats apart; they stand near the front, uncompressed in the local headers.
_ZIP_MEMBERS: tuple[tuple[bytes, Kind], ...] = (
    (b"word/", Kind("docx", title="a Word document")),
    (b"xl/", Kind("xlsx", title="an Excel workbook")),
    (b"ppt/", Kind("pptx", title="a PowerPoint presentation")),
    (b"mimetypeapplication/epub", Kind("epub", title="an EPUB book")),
    (b"mimetypeapplication/vnd.oasis.opendocument", Kind("odf", title="an OpenDocument file")),
)
_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# What mail gateways, editors and web forms put before a file.
_BLANKS = b" \t\r\n\x0b\x0c"
# How far in PDF readers look for the mark (ISO 32000-1, annex H.3, note 13).
_PDF_HEAD = 1024
_PDF_MARK = re.compile(rb"%PDF-\d\.\d")


def sniff(data: bytes) -> Kind | None:
    """The binary format that `data` begins like, or None when it may be text.

    A byte order mark of UTF-8 and blanks may stand before it, and up to 1,024 bytes of anything before a PDF.

    >>> sniff(b"%PDF-1.7 ...").title
    'a PDF document'
    """
    # In ASCII the signatures are marks of no UTF-16 text, so a wide mark decides for text.
    if data.startswith(_WIDE_MARKS):
        return None
    head = data[: _PDF_HEAD + 8].removeprefix(_UTF8_MARK).lstrip(_BLANKS)
    for start in (data, head):
        for signature, kind in _SIGNATURES:
            if start.startswith(signature):
                return kind
        for pattern, kind in _PATTERNS:
            if pattern.match(start):
                return kind
        if start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
            return _in_zip(data)
    return _PDF if _is_pdf_behind_other_bytes(data) else None


def _in_zip(data: bytes) -> Kind:
    head = data[:8192] + data[-8192:]
    for member, kind in _ZIP_MEMBERS:
        if member in head:
            return kind
    return Kind("zip", title="a ZIP archive", remedy=_UNPACK)


def _is_pdf_behind_other_bytes(data: bytes) -> bool:
    """Whether a PDF begins within the head; a text that only speaks of the mark is none."""
    if _PDF_MARK.search(data, 0, _PDF_HEAD + 8) is None:
        return False
    if data.rstrip().endswith(b"%%EOF"):
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b" obj" in data
    return False
