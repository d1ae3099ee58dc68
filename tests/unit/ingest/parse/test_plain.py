from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.ingest.parse.plain import parse_plain


def test_the_text_stays_as_it_is() -> None:
    assert parse_plain("\n\n  one\n  two\n\n\nthree  \n\n").text == "  one\n  two\n\n\nthree"


def test_paragraphs_are_blocks() -> None:
    parsed = parse_plain("one\ntwo\n\n \nthree\f\nfour")
    assert [span.of(parsed.text) for span in parsed.blocks] == ["one\ntwo", "three", "four"]


def test_underlined_lines_are_headings_whose_level_follows_their_order() -> None:
    parsed = parse_plain("Guide\n=====\n\nx\n\nПервый шаг\n----------\n\ny\n\nEnd\n===\nz")
    assert [(s.title, s.level) for s in parsed.sections] == [("Guide", 1), ("Первый шаг", 2), ("End", 1)]


def test_rules_are_not_headings() -> None:
    text = (
        "A sentence that is fairly long, after all.\n---\n\nab\n-----------------------------\n\n***\n===\n"
    )
    assert parse_plain(text).sections == ()


@given(st.text("ab \n=-\t", max_size=200))
def test_blocks_hold_every_word(text: str) -> None:
    parsed = parse_plain(text)
    covered = "".join(span.of(parsed.text) for span in parsed.blocks)
    assert "".join(covered.split()) == "".join(text.split())
