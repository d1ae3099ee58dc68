"""BM25 terms: forms that meet, forms that do not, compounds, mixed languages, and the cache."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.text.analyze import LANGUAGES, Analyzer
from ragkit.text.stem import SNOWBALL, stem
from tests.unit.text.word_pairs import DIFFERENT, SAME_IN_ENGLISH, SAME_IN_RUSSIAN, pairs

ANALYZER = Analyzer()


@pytest.mark.parametrize(("query", "document"), pairs(SAME_IN_RUSSIAN) + pairs(SAME_IN_ENGLISH))
def test_forms_of_a_word_share_a_term(query: str, document: str) -> None:
    assert set(ANALYZER.terms(query)) & set(ANALYZER.terms(document))


@pytest.mark.parametrize(("query", "document"), pairs(DIFFERENT))
def test_different_words_share_none(query: str, document: str) -> None:
    assert not set(ANALYZER.terms(query)) & set(ANALYZER.terms(document))


def test_the_lists_of_pairs_are_long_enough_to_mean_something() -> None:
    assert len(pairs(SAME_IN_RUSSIAN)) >= 100
    assert len(pairs(SAME_IN_ENGLISH)) >= 60


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The refund of the refund", ["refund", "refund"]),
        ("fastapi.Query", ["fastapi.query", "fastapi", "queri"]),
        ("max_length", ["maxlength", "max", "length"]),
        ("v1.2.3, 1.2.3", ["1.2.3", "1.2.3"]),
        ("10,000 3,5 12 %", ["10000", "3.5", "12"]),
        ("--reload", ["--reload", "reload"]),
        ("C++ C# F#", ["c++", "c#", "f#"]),
        ("don't user's l'homme", ["user", "homm"]),
        ("support@example.com", ["support@example.com", "support", "exampl", "com"]),
        ("U.S. e.g. т.е.", ["us"]),
        ("IT и ПО", ["it", "по"]),
        ("使い方 の", ["使い", "い方", "の"]),
        ("用FastAPI框架", ["用", "fastapi", "fast", "api", "框架"]),
        ("ราคา", ["รา", "าค", "คา"]),
        ("١٢٣", ["123"]),
        ("Ещё ёлка", ["елк"]),
        ("", []),
        ("... — !?", []),
    ],
)
def test_terms_by_hand(text: str, terms: list[str]) -> None:
    assert ANALYZER.terms(text) == terms


def test_all_spellings_of_an_identifier_have_the_same_terms() -> None:
    spellings = ["max_length", "maxLength", "max-length", "MaxLength", "MAX_LENGTH", "max‑length"]
    assert len({tuple(ANALYZER.terms(f"set {spelling} here")) for spelling in spellings}) == 1


def test_letters_that_only_look_cyrillic_or_latin_are_put_right() -> None:
    latin_c, latin_o, cyrillic_a = "c", "o", "а"
    assert ANALYZER.terms(f"{latin_c}истема") == ANALYZER.terms("система")
    assert ANALYZER.terms(f"М{latin_o}сква") == ANALYZER.terms("Москва")
    assert ANALYZER.terms(f"p{cyrillic_a}ssword") == ANALYZER.terms("password")


def test_invisible_characters_do_not_hide_a_word() -> None:
    assert ANALYZER.terms("pass\u200bword \u00adre\u00adfund") == ANALYZER.terms("password refund")


def test_a_mixed_text_is_stemmed_by_script() -> None:
    text = "Параметры запросов объявляют через dependencies и queries"
    assert {"параметр", "запрос", "depend", "queri"} <= set(ANALYZER.terms(text))


def test_a_text_of_stop_words_keeps_them() -> None:
    assert ANALYZER.terms("The Who") == ["the", "who"]
    assert ANALYZER.terms("быть или не быть")
    assert Analyzer(remove_stop_words=False).terms("the cat") == ["the", "cat"]


def test_short_texts_are_not_taken_for_another_language() -> None:
    for query in [
        "AI agent skills",
        "refund policy",
        "installation",
        "menu items",
        "de facto standard",
        "van rental",
        "die casting",
        "los angeles",
        "CD",
    ]:
        assert ANALYZER.terms(query) == Analyzer("en").terms(query)


def test_a_clear_language_is_recognised_and_a_hint_decides_unclear_ones() -> None:
    passage = "Die Kündigungsfristen der Verträge sind in den Häusern der Stadt sehr verschieden."
    assert ANALYZER.terms(passage) == Analyzer("de").terms(passage)
    assert ANALYZER.terms("Installationen", language_hint="de") == Analyzer("de").terms("Installationen")
    assert Analyzer(language_hint="de").terms("Installationen") == Analyzer("de").terms("Installationen")
    assert ANALYZER.terms("Installationen", language_hint="xx") == ANALYZER.terms("Installationen")


def test_turkish_lowers_its_own_i() -> None:
    assert Analyzer("tr").terms("IŞIK") == Analyzer("tr").terms("ışık")
    assert ANALYZER.terms("İstanbul") == ANALYZER.terms("istanbul")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_analyses(language: str) -> None:
    assert Analyzer(language).terms("Information 42 слово") != []


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown language 'xx'\. Expected 'auto' or one of: .*de, "):
        Analyzer("xx")


def test_the_fingerprint_changes_with_every_setting() -> None:
    made = [
        Analyzer(),
        Analyzer("ru"),
        Analyzer(language_hint="de"),
        Analyzer(remove_stop_words=False),
        Analyzer(stemming=False),
    ]
    assert len({analyzer.fingerprint for analyzer in made}) == len(made)
    assert Analyzer().fingerprint == ANALYZER.fingerprint


def test_without_stemming_words_stay_whole() -> None:
    assert Analyzer(stemming=False).terms("Returns кассового") == ["returns", "кассового"]


@given(st.text(max_size=200))
def test_terms_are_never_empty_strings_or_too_long_and_repeat_exactly(text: str) -> None:
    terms = ANALYZER.terms(text)
    assert all(terms)
    assert all(len(term) <= 66 for term in terms)
    assert Analyzer().terms(text) == terms


@given(st.lists(st.sampled_from(["refund", "возврат", "API", "max_length", "1.5"]), max_size=8))
def test_terms_of_words_are_the_terms_of_their_text(words: list[str]) -> None:
    fixed = Analyzer("en")
    assert fixed.terms(" ".join(words)) == [term for word in words for term in fixed.terms(word)]


def test_threads_share_an_analyzer() -> None:
    text = "Возвраты товаров оформляют сотрудники; returns are handled by employees. " * 20
    expected = Analyzer().terms(text)
    shared = Analyzer()
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(shared.terms(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a." * 500_000, "aB" * 500_000, "框" * 1_000_000, "1," * 500_000]
)
def test_a_megabyte_without_spaces_takes_linear_time(text: str) -> None:
    began = time.process_time()
    ANALYZER.terms(text)
    assert time.process_time() - began < 15


def test_the_cache_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.text.analyze._CACHED_WORDS", 10)
    small = Analyzer("en")
    text = " ".join(f"word{n}" for n in range(100))
    assert small.terms(text) == Analyzer("en").terms(text)
    assert max(map(len, small._vocabularies.values())) <= 10


@pytest.mark.parametrize("language", sorted(SNOWBALL))
def test_stems_are_not_empty(language: str) -> None:
    assert stem("information", language)
    assert stem("слово", language)
