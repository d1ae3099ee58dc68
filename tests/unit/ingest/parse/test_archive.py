from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.parse import archive as limits
from ragkit.ingest.parse.archive import Archive, within


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_members_are_read_by_name() -> None:
    archive = Archive(zipped(a=b"one", b=b"two"))
    assert (archive.names(), archive.read("b"), "c" in archive) == (["a", "b"], b"two", False)


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    bomb = zipped(**{f"m{i}": bytes(20 << 20) for i in range(3)})
    assert len(bomb) < 200_000
    with pytest.raises(DocumentError, match=r"times its size unpacked; at most 200 is taken\. It may be a"):
        Archive(bomb)


def test_sizes_and_members_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_INFLATED_BYTES", 1000)
    with pytest.raises(DocumentError, match="MB unpacked; at most"):
        Archive(zipped(a=b"x" * 1001))
    monkeypatch.setattr(limits, "MAX_MEMBERS", 2)
    with pytest.raises(DocumentError, match="3 members; at most 2 are taken"):
        Archive(zipped(a=b"", b=b"", c=b""))


def test_a_member_gives_no_more_than_it_declared() -> None:
    data = bytearray(zipped(a=b"x" * 5_000_000))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 10)
    with pytest.raises(DocumentError, match="the part a cannot be unpacked"):
        Archive(bytes(data)).read("a")


def test_a_member_that_points_outside_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = Archive(zipped(**{"../../evil": b"x", "/etc/evil": b"y"}))
    assert archive.read("etc/evil") == b"y"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(100), zipped(a=b"x" * 100)[:-30]],
    # An archive has the time in it: a name made of it would be another in each worker.
    ids=["empty", "a signature", "zeros", "cut"],
)
def test_what_is_no_whole_archive_is_damaged(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"it is damaged \(not a complete ZIP archive"):
        Archive(data)


def test_an_encrypted_member_needs_a_password() -> None:
    data = bytearray(zipped(a=b"x"))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentError, match="needs_password: it is encrypted"):
        Archive(bytes(data)).read("a")


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_entities_are_refused_in_any_charset(charset: str) -> None:
    lines = ['<!ENTITY a0 "ha">', *(f'<!ENTITY a{i} "&a{i - 1};&a{i - 1};">' for i in range(1, 40))]
    text = f'<?xml version="1.0" encoding="{charset}"?><!DOCTYPE x [{"".join(lines)}]><x>&a39;</x>'
    with pytest.raises(DocumentError, match="its XML declares entities"):
        Archive(zipped(a=text.encode(charset))).xml("a")


def test_a_file_of_the_machine_cannot_be_drawn_in() -> None:
    text = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    with pytest.raises(DocumentError, match="its XML declares entities"):
        Archive(zipped(a=text)).xml("a")


def test_broken_xml_is_named_by_its_part() -> None:
    with pytest.raises(DocumentError, match=r"the part word/x\.xml is not valid XML: .*line 1"):
        Archive(zipped(**{"word/x.xml": b"<a><b></a>"})).xml("word/x.xml")


@pytest.mark.parametrize(
    ("folder", "reference", "path"),
    [
        ("a/b", "../c.x", "a/c.x"),
        ("", "x#y", "x"),
        ("a", "/b/c", "b/c"),
        ("a", "../../../b", "../../b"),
        ("a", "b%20c", "a/b c"),
    ],
)
def test_references_are_resolved_within_the_archive(folder: str, reference: str, path: str) -> None:
    assert within(folder, reference) == path
