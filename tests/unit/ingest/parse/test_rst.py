from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.parse import limits
from ragkit.ingest.parse.rst import parse_rst


def text_of(source: str) -> str:
    return parse_rst(source).text


CASES = {
    "inline marks": (
        "Some *em*, **strong**, ``code``, `link <http://x>`_ and |s|.\n\n.. |s| replace:: SUB",
        "Some em, strong, code, link and SUB.",
    ),
    "roles of Sphinx": ("See :class:`~foo.Bar` and :ref:`the guide <guide>`.", "See foo.Bar and the guide."),
    "lists": ("- a\n\n  b\n- c\n\n  1. d\n  2. e", "- a\n  b\n- c\n  1. d\n  2. e"),
    "definitions and fields": ("Bin\n  A place.\n\n:Author: Me", "Bin: A place.\n\nAuthor: Me"),
    "code": ("Text::\n\n   a = 1\n     b", "Text:\n\na = 1\n  b"),
    "a code block": (".. code-block:: python\n\n   x = 1", "x = 1"),
    "a table": ("==  ==\nA   B\n==  ==\n1   2\n==  ==", "A | B\nA: 1 | B: 2"),
    "boxes": (
        ".. warning:: Hot.\n\n   Very.\n\n.. admonition:: Look\n\n   - a",
        "Warning: Hot.\n\nVery.\n\nLook:\n\n- a",
    ),
    "directives of Sphinx": (".. versionadded:: 2.0\n   The *thing*.", "2.0\n\nThe thing."),
    "lists of file names": ("a\n\n.. toctree::\n   :maxdepth: 2\n\n   x\n   y", "a"),
    "footnotes": ("Text [1]_.\n\n.. [1] The note.", "Text.\n\nThe note."),
    "comments and targets": (".. a comment\n\n.. _here:\n\nText", "Text"),
    "line blocks": ("| one\n| two", "one\n\ntwo"),
    "images": (".. image:: x.png\n   :alt: A lamp", "A lamp"),
}


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=CASES.keys())
def test_canonical_text(source: str, expected: str) -> None:
    assert text_of(source) == expected


def test_sections_nest_by_order_of_underlines() -> None:
    parsed = parse_rst("A\n=\n\nx\n\nB\n-\n\ny\n\nC\n=\n\nz")
    assert [(s.title, s.level, s.span.of(parsed.text)) for s in parsed.sections] == [
        ("A", 1, "A\n\nx\n\nB\n\ny\n\n"),
        ("B", 2, "B\n\ny\n\n"),
        ("C", 1, "C\n\nz"),
    ]


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {}",
        ".. literalinclude:: {}",
        ".. raw:: html\n   :file: {}",
        ".. csv-table:: t\n   :file: {}",
        ".. code-block:: text\n   :include: {}",
        ".. raw:: html\n   :url: file://{}",
        ".. csv-table:: t\n   :url: file://{}",
    ],
)
def test_no_directive_reads_a_file(directive: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    parsed = parse_rst("Text.\n\n" + directive.format(secret))
    assert "canary" not in parsed.text + str(dict(parsed.metadata))
    assert parsed.text.startswith("Text.")


def test_what_docutils_refuses_is_noted_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    parsed = parse_rst("Text.\n\n.. include:: /etc/hostname\n")
    assert parsed.metadata["notes"] == ('line 3: "include" directive disabled.',)
    assert capfd.readouterr() == ("", "")


def test_nesting_beyond_the_limit_is_an_error() -> None:
    with pytest.raises(DocumentError, match="reStructuredText blocks are nested more than"):
        text_of("".join("  " * i + "- x\n\n" for i in range(400)))


@pytest.mark.parametrize("source", ["*a " * 20_000, "a_ " * 20_000])
def test_markup_without_an_end_is_cut_off_in_bounded_time(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.ingest.parse.limits._SECONDS", 1.0)
    with pytest.raises(DocumentError, match="parsing did not end within"):
        text_of(source)


def substitutions(depth: int) -> str:
    """Each stands for the next one twice, and the last for a word."""
    rows = [f".. |a{i}| replace:: |a{i + 1}| |a{i + 1}|" for i in range(depth)]
    return "\n".join([*rows, f".. |a{depth}| replace:: word", "", "|a0|"])


def test_substitutions_that_multiply_are_refused_before_they_are_made() -> None:
    assert text_of(substitutions(3)) == " ".join(["word"] * 8)
    with pytest.raises(DocumentError, match="its substitutions expand to more than 1,000,000 characters"):
        text_of(substitutions(60))


def test_a_substitution_within_itself_ends() -> None:
    assert "Before" in text_of(".. |a| replace:: |b|\n.. |b| replace:: |a|\n\nBefore |a| after.")


def test_a_role_that_is_not_known_gives_its_text() -> None:
    assert text_of(":py:class:`~mod.Name` and :x:`a title  <target>`.") == "mod.Name and a title."


@settings(max_examples=150, deadline=None)
@given(st.text("*`|_.:=-\n a1[]~+#", max_size=200))
def test_any_text_is_parsed_or_refused(source: str) -> None:
    try:
        parsed = parse_rst(source)
    except DocumentError as e:
        assert e.stage == "parse"  # noqa: PT017
    else:
        assert all(span.of(parsed.text).strip() for span in parsed.blocks)


def test_a_very_long_line_is_kept() -> None:
    assert len(text_of("word " * 500_000)) == 2_499_999


def test_names_that_make_docutils_busy_after_parsing_end_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "_SECONDS", 0.5)
    with pytest.raises(DocumentError, match="parsing did not end within"):
        parse_rst("".join(f".. _a{i}:\n" for i in range(10_000)) + "\ntext\n")


def test_thousands_of_substitutions_in_one_paragraph_are_refused() -> None:
    with pytest.raises(DocumentError, match=r"a paragraph has too many substitutions"):
        parse_rst(".. |a| replace:: x\n\n" + "|a| " * 4_000)
