"""Names in texts of English and Russian."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.names import LONGEST_CHARS, bare_title, name_spans


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            '"Get Low" is a single by Dillon Francis and DJ Snake.',
            ["Get Low", "Dillon Francis", "DJ Snake"],
        ),
        ("It was directed by B. Reeves Eason on October 5.", ["It", "B. Reeves Eason"]),
        ("the Wick 5 needs the WX-200 dock of Acme", ["Wick 5", "WX-200", "Acme"]),
        (
            "Фильм «Ирония судьбы» снял Эльдар Рязанов.",
            ["Фильм", "Ирония", "Ирония судьбы", "Эльдар Рязанов"],
        ),
        ("poems of А. С. Пушкин and Géza von Bolváry", ["А. С. Пушкин", "Géza von Bolváry"]),
        ("A Title\n\nText begins", ["A Title", "Text"]),
        ("nothing here, ничего", []),
        ("Ấn Độ, Ἀθῆναι, Ақтөбе", ["Ấn Độ", "Ἀθῆναι", "Ақтөбе"]),
        ("роман „идиот“", ["идиот"]),
        ("电影《红高粱》", ["红高粱"]),
    ],
)
def test_names_are_told_by_how_they_are_written(text: str, names: list[str]) -> None:
    assert [span.of(text) for span in name_spans(text)] == names


def test_marks_that_stand_by_themselves_are_parts_of_a_name() -> None:
    text = unicodedata.normalize("NFD", "Géza Bolváry met Йозеф Ёлкин")
    assert [span.of(text) for span in name_spans(text)] == [
        unicodedata.normalize("NFD", name) for name in ("Géza Bolváry", "Йозеф Ёлкин")
    ]


@given(st.text(alphabet="Aбв \"«»,.'5-\n()ИЁ", max_size=200))
def test_a_name_lies_in_its_line_and_is_bounded(text: str) -> None:
    for span in name_spans(text):
        assert 0 < len(span) <= LONGEST_CHARS
        assert "\n" not in span.of(text)


def test_a_title_is_read_without_what_stands_in_brackets() -> None:
    assert bare_title("Солярис (фильм, 1972)") == "Солярис"
    assert bare_title("(2017)") == "(2017)"
