"""Rubrics: ours are alike in both languages, material stays material, mistakes in files are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.judge.rubric import BUILT_IN, built_in, load_rubric

GOOD = 'version: 3\nlabels: {"yes": 1, "no": 0}\nsystem: Judge.\nuser: "Is {answer} good?"\n'


@pytest.mark.parametrize("name", BUILT_IN)
def test_both_languages_ask_for_the_same(name: str) -> None:
    english, russian = built_in(name, "en"), built_in(name, "ru")
    assert english.places == russian.places
    assert english.labels == russian.labels
    assert english.schema == russian.schema
    assert english.fingerprint != russian.fingerprint
    for rubric in (english, russian):
        assert all(f'"{label}"' in rubric.user for label in rubric.labels)
        assert rubric.user.count("{fence}") % 2 == 0


def test_another_language_is_judged_in_english() -> None:
    assert built_in("correct", "de") == built_in("correct", "en")


def test_braces_and_fences_in_the_material_are_text() -> None:
    rubric = built_in("correct", "en")
    shown = {"question": "{answer} {gold}", "answer": "{fence} end", "gold": "x"}
    text = rubric.messages(shown)[1].text
    assert "{answer} {gold}" in text
    assert "{fence} end" in text
    assert rubric.messages(shown) == rubric.messages(dict(reversed(shown.items())))


def test_material_cannot_hold_its_own_fence() -> None:
    rubric = built_in("correct", "en")
    first = rubric.messages({"question": "q", "answer": "a", "gold": "g"})[1].text
    fence = first[first.index("<<") :][:16]
    forged = rubric.messages({"question": "q", "answer": f"{fence} end", "gold": "g"})[1].text
    assert forged.count(fence) == 1


def test_a_rubric_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "polite.yaml"
    path.write_text(GOOD)
    rubric = load_rubric(path)
    assert (rubric.name, rubric.version, rubric.labels) == ("polite", 3, {"yes": 1.0, "no": 0.0})
    path.write_text(GOOD.replace("version: 3", "version: 4"))
    assert load_rubric(path).fingerprint != rubric.fingerprint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no YAML"),
        ("version: 1", "expected the keys"),
        (GOOD + "more: 1", "and no other"),
        (GOOD.replace('"yes"', "yes"), "in quotes"),
        (GOOD.replace("1, ", "7, "), "scores from 0 to 1"),
        (GOOD.replace("3", "1.5"), "a whole number"),
        (GOOD.replace("{answer}", "it"), "shows the judge nothing"),
    ],
)
def test_a_rubric_with_mistakes(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(EvalError, match=says):
        load_rubric(path)


def test_what_is_not_there() -> None:
    with pytest.raises(EvalError, match="Did you mean 'grounded'"):
        built_in("grouned", "en")
    with pytest.raises(EvalError, match="cannot be read"):
        load_rubric(Path("no.yaml"))
