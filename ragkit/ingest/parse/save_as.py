"""What to do with a file whose format is not read, so that it can be."""

from __future__ import annotations

from types import MappingProxyType

_WORD = "save it as .docx, for example with LibreOffice: soffice --convert-to docx FILE"
_SHEET = "save it as .xlsx, for example with LibreOffice: soffice --convert-to xlsx FILE"
_SLIDES = "save it as .pptx, for example with LibreOffice: soffice --convert-to pptx FILE"
_MAIL = "save it as .eml from the mail program"
_MARKUP = "convert it to Markdown, for example: pandoc FILE -o FILE.md"
_PRINT = "save it as .pdf"
_BOOK = "convert it to .epub, for example with Calibre: ebook-convert FILE FILE.epub"
_XML = "convert what is text in it to HTML, or rename it to .txt to index it with its tags"
_BY_EXTENSION = MappingProxyType(
    {
        **dict.fromkeys((".doc", ".dot", ".odt", ".fodt", ".pages", ".wpd", ".wps"), _WORD),
        **dict.fromkeys((".xls", ".xlsb", ".ods", ".fods", ".numbers"), _SHEET),
        **dict.fromkeys((".ppt", ".pps", ".odp", ".fodp", ".key"), _SLIDES),
        **dict.fromkeys((".org", ".tex", ".latex", ".textile", ".wiki", ".fb2", ".typ", ".dbk"), _MARKUP),
        **dict.fromkeys((".ps", ".eps", ".xps", ".djvu"), _PRINT),
        **dict.fromkeys((".mobi", ".azw", ".azw3", ".prc"), _BOOK),
        ".msg": _MAIL,
        ".xml": _XML,
    }
)
# The streams of old Office files, named in UTF-16, and the media types of OpenDocument.
_BY_CONTENT = tuple(
    (name.encode(charset), remedy)
    for name, charset, remedy in (
        ("WordDocument", "utf-16-le", _WORD),
        ("PowerPoint Document", "utf-16-le", _SLIDES),
        ("Workbook", "utf-16-le", _SHEET),
        ("__substg1.0_", "utf-16-le", _MAIL),
        ("opendocument.text", "ascii", _WORD),
        ("opendocument.spreadsheet", "ascii", _SHEET),
        ("opendocument.presentation", "ascii", _SLIDES),
    )
)


def save_as(extension: str, data: bytes = b"") -> str | None:
    """The command or step that gives a file that can be read, None where nothing is known of it.

    `data` decides before `extension`: a file may be called anything.

    >>> save_as(".org")
    'convert it to Markdown, for example: pandoc FILE -o FILE.md'
    """
    found = next((remedy for mark, remedy in _BY_CONTENT if mark in data), None)
    return found or _BY_EXTENSION.get(extension.lower())
