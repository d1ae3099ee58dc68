"""XML → an element tree, without entities of its own: neither a bomb nor a file of ours can be pulled in."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ragkit.errors import DocumentError

# expat reads ASCII-compatible charsets and UTF-16, so a declaration shows in one of these three.
_DECLARATIONS = tuple("<!ENTITY".encode(charset) for charset in ("ascii", "utf-16-le", "utf-16-be"))


def xml_tree(data: bytes) -> ET.Element:
    """The root element of an XML document. External entities and DTDs are never fetched.

    Raises:
        DocumentError: it declares entities.
        xml.etree.ElementTree.ParseError: it is not well-formed.

    >>> xml_tree(b"<a><b>text</b></a>").findtext("b")
    'text'
    """
    refuse_entities(data)
    return ET.fromstring(data)  # noqa: S314  (no entity is left to attack with)


def refuse_entities(data: bytes) -> None:
    """Raises a `DocumentError` for XML that declares entities; for what another library is to parse."""
    if any(declaration in data for declaration in _DECLARATIONS):
        reason = "its XML declares entities, which are not expanded. Save it again with another program"
        raise DocumentError(reason, stage="parse")


def local(element: ET.Element) -> str:
    """The name of an element without its namespace.

    >>> local(xml_tree(b'<p xmlns="urn:x"/>'))
    'p'
    """
    # Comments and processing instructions have a function for a tag.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
