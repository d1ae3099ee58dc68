"""Opens a ZIP-based document under limits: nothing is unpacked to disk, and no bomb is inflated."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from ragkit.errors import DocumentError
from ragkit.ingest.parse.xml_tree import xml_tree

MAX_INFLATED_BYTES = 512 * 1024**2
# Deflate reaches 1,032; XML of office files compresses to a tenth, repetitive sheets to a fiftieth.
MAX_RATIO = 200
MAX_MEMBERS = 10_000
# Below this size a high ratio harms nobody: a sheet of equal cells has one.
_RATIO_FREE_BYTES = 10 * 1024**2
_ENCRYPTED = 0x1


class Archive:
    """The members of a ZIP file by their names, read into memory one by one.

    Raises:
        DocumentError: not a ZIP file, or beyond the limits on members, inflated size and ratio; the sizes
            that the archive declares are checked at once, and no member gives more than it declared.

    Example:
        archive = Archive(data)
        body = archive.xml("word/document.xml")
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as e:
            if data and not data.startswith(b"PK"):
                raise DocumentError(not_as_named("a ZIP archive", data), stage="parse") from e
            raise _damaged(f"not a complete ZIP archive: {e}") from e
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise _bomb(f"{len(members):,} members; at most {MAX_MEMBERS:,} are taken")
        inflated = sum(member.file_size for member in members)
        if inflated > MAX_INFLATED_BYTES:
            raise _bomb(
                f"{inflated / 2**20:,.0f} MB unpacked; at most {MAX_INFLATED_BYTES / 2**20:,.0f} MB are taken"
            )
        if inflated > max(MAX_RATIO * len(data), _RATIO_FREE_BYTES):
            raise _bomb(f"{inflated / len(data):,.0f} times its size unpacked; at most {MAX_RATIO} is taken")
        self._members = {_plain(member.filename): member for member in members if not member.is_dir()}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> list[str]:
        """The names of all members, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """The content of a member.

        Raises:
            DocumentError: there is none of this name, it is encrypted, damaged or larger than declared.
        """
        member = self._members.get(name)
        if member is None:
            raise _damaged(f"the part {name} is missing")
        if member.flag_bits & _ENCRYPTED:
            raise DocumentError(
                "needs_password: it is encrypted. Save it without a password, then ingest it again",
                stage="parse",
            )
        try:
            with self._zip.open(member) as file:
                # One more than declared: zipfile stops there by itself, and its checksum then fails.
                return file.read(member.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError) as e:
            raise _damaged(f"the part {name} cannot be unpacked: {e}") from e

    def xml(self, name: str) -> Element:
        """The root element of a member that is XML.

        Raises:
            DocumentError: as for `read`, or not well-formed, or it declares entities.
        """
        try:
            return xml_tree(self.read(name))
        except (ParseError, LookupError, ValueError) as e:
            raise _damaged(f"the part {name} is not valid XML: {e}") from e


def not_as_named(expected: str, data: bytes) -> str:
    """The reason for a file that does not begin as its extension says: a web page saved as a PDF, say."""
    head = data[:16]
    text = head.decode("ascii", errors="replace")
    begins = f"“{text}”" if text.isprintable() and "\ufffd" not in text else f"the bytes {head.hex(' ')}"
    return (
        f"it is not what its extension says: it should begin as {expected} does, and begins with "
        f"{begins}. Give it the extension of what it is, or fetch it again"
    )


def within(folder: str, reference: str) -> str:
    """The member that a reference in `folder` means: percent codes undone, `..` resolved, no fragment.

    >>> within("OEBPS/text", "../images/a%20b.png#x")
    'OEBPS/images/a b.png'
    """
    path = unquote(reference.partition("#")[0])
    joined = path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path)
    return posixpath.normpath(joined).lstrip("/")


def _plain(name: str) -> str:
    # Members are only ever looked up by name: one that points outside (`../../etc/passwd`) has no effect.
    return name.replace("\\", "/").lstrip("/")


def _damaged(problem: str) -> DocumentError:
    return DocumentError(f"it is damaged ({problem}). Open it and save it again", stage="parse")


def _bomb(problem: str) -> DocumentError:
    return DocumentError(f"its archive has {problem}. It may be a decompression bomb", stage="parse")
