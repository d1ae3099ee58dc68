"""Writes small PDF files by hand: text at places, pages, bookmarks, an image instead of text."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter

Line = tuple[float, float, str]
IMAGE_OBJECT = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray "
    b"/Length 1 >>\nstream\n\x80\nendstream"
)
_IMAGE = "q 100 0 0 100 50 600 cm /Im Do Q"


def pdf(
    *pages: Sequence[Line],
    bookmarks: Sequence[tuple[str, int]] = (),
    info: str = "",
    images: Sequence[int] = (),
    letters: str = "",
) -> bytes:
    """A PDF whose pages have each text at its `(x, y)`, 12 points high, on pages of 600 by 800 points.

    `bookmarks` are titles with the index of the page they lead to; `images` the indexes of pages that show
    one. Characters of `letters` may be used beyond ASCII: the font maps the bytes from 0xA0 on to them.
    """
    count = len(pages)
    first_page = 5
    first_bookmark = first_page + 2 * count
    kids = " ".join(f"{first_page + 2 * i} 0 R" for i in range(count))
    outline = f"/Outlines {first_bookmark} 0 R" if bookmarks else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {outline} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        _font(letters),
        IMAGE_OBJECT,
    ]
    for i, lines in enumerate(pages):
        content = b"\n".join([*(_shown(line, letters) for line in lines), b""])
        content += _IMAGE.encode() if i in images else b""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {first_page + 2 * i + 1} 0 R "
            f"/Resources << /Font << /F 3 0 R >> /XObject << /Im 4 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    if bookmarks:
        last = first_bookmark + len(bookmarks)
        objects.append(f"<< /First {first_bookmark + 1} 0 R /Last {last} 0 R >>".encode())
        for i, (title, page) in enumerate(bookmarks):
            following = f"/Next {first_bookmark + i + 2} 0 R" if i + 1 < len(bookmarks) else ""
            objects.append(
                f"<< /Title ({title}) /Parent {first_bookmark} 0 R {following} "
                f"/Dest [{first_page + 2 * page} 0 R /Fit] >>".encode()
            )
    objects.append(f"<< {info} >>".encode())
    if letters:
        objects.append(_to_unicode(letters))
        objects[2] = objects[2].replace(b"UNICODE", b"%d 0 R" % len(objects))
    return _file(objects, info=len(objects) - bool(letters))


def column(*lines: str, x: float = 50, top: float = 700, step: float = 14) -> list[Line]:
    """Lines below one another."""
    return [(x, top - step * i, line) for i, line in enumerate(lines)]


def encrypted(data: bytes, password: str) -> bytes:
    """The same PDF, asking for a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _shown(line: Line, letters: str) -> bytes:
    x, y, text = line
    shown = b"".join(bytes([0xA0 + letters.index(c)]) if c in letters else c.encode("latin-1") for c in text)
    shown = shown.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"BT /F 12 Tf %f %f Td (%b) Tj ET" % (x, y, shown)


def _font(letters: str) -> bytes:
    to_unicode = b" /ToUnicode UNICODE" if letters else b""
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier%b >>" % to_unicode


def _to_unicode(letters: str) -> bytes:
    rows = "\n".join(f"<{0xA0 + i:02x}> <{ord(letter):04x}>" for i, letter in enumerate(letters))
    body = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n{len(letters)} beginbfchar\n{rows}\nendbfchar\n"
        "endcmap end end"
    ).encode()
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(body), body)


def _file(objects: Sequence[bytes], info: int) -> bytes:
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, info))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()
