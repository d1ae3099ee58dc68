from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ragkit.store.identity import chunk_id, content_hash, fingerprint_of
from ragkit.types import Document, Section, Span

TEXT = st.text(max_size=8)


@given(st.tuples(TEXT, TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT, TEXT))
def test_different_parts_make_different_ids(
    a: tuple[str, str, str, str], b: tuple[str, str, str, str]
) -> None:
    assert (chunk_id(*a, ordinal=0) == chunk_id(*b, ordinal=0)) is (a == b)


def test_parts_do_not_run_into_each_other() -> None:
    assert chunk_id("ab", "c", "", "", 0) != chunk_id("a", "bc", "", "", 0)
    assert fingerprint_of("a", "b") != fingerprint_of("ab")


def test_an_id_is_stable_and_32_hexadecimal_digits() -> None:
    # A change of this value would make every index write everything again.
    assert chunk_id("acme", "guide.md", "0" * 64, "v1", 3) == "b03c4d292974f2064dc5e19825240e06"


def test_every_visible_part_of_a_document_counts() -> None:
    document = Document("a", "text", metadata={"k": 1}, uri="u")
    others = [
        replace(document, text="Text"),
        replace(document, metadata={"k": 2}),
        replace(document, metadata={"k": "1"}),
        replace(document, uri=None),
        replace(document, acl=("x",)),
        replace(document, pages=(Span(0, 4),)),
        replace(document, sections=(Section("T", span=Span(0, 4), level=1),)),
        replace(document, blocks=(Span(0, 4),)),
    ]
    hashes = [content_hash(d) for d in (document, *others)]
    assert len(set(hashes)) == len(hashes)


def test_neither_the_id_nor_the_order_of_keys_counts() -> None:
    a = Document("a", "t", metadata={"x": 1, "y": [1, 2]}, acl=("s", "t"))
    b = Document("b", "t", metadata={"y": (1, 2), "x": 1}, acl=("t", "s", "t"))
    assert content_hash(a) == content_hash(b)
