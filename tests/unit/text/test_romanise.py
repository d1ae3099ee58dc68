"""Latin letters in place of Cyrillic and Greek ones, and nothing else changed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.romanise import romanised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Щука и Ёж", "Shchuka i Yozh"),
        ("объект", "obekt"),
        ("Київ, їжак", "Kiyiv, yizhak"),
        ("Αθήνα", "Athina"),
        ("Ἀθῆναι, ΐ", "Athinai, i"),
        ("Ақтөбе, Ұлытау", "Aktobe, Ulytau"),
        ("Ђорђе Љубић", "Djordje Ljubic"),
        ("Таҷикистон, Ѐ", "Tajikiston, E"),
        ("თბილისი 北京 مرحبا 👩\u200d👧", "თბილისი 北京 مرحبا 👩\u200d👧"),
        ("параметр `response_model`, v2.1", "parametr `response_model`, v2.1"),
    ],
)
def test_letters_by_hand(text: str, expected: str) -> None:
    assert romanised(text) == expected


@given(st.text(alphabet="йёїўќѓЙЁабв ж"))
def test_a_mark_that_stands_by_itself_changes_nothing(text: str) -> None:
    assert romanised(unicodedata.normalize("NFD", text)) == romanised(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_latin_text_stays_as_it_is(text: str) -> None:
    assert romanised(text) == text


@given(st.text(alphabet="абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВЯ іїєґў"))
def test_no_cyrillic_letter_is_left(text: str) -> None:
    assert not any("CYRILLIC" in unicodedata.name(letter) for letter in romanised(text))
