"""Normalisation: what is unified, what is kept, and the way back to original positions."""

from __future__ import annotations

import itertools
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.normalize import normal_form, normalize
from ragkit.types import Span

ALPHABET = st.one_of(
    st.characters(),
    st.sampled_from("aА éё\u0301\u0308\u00ad\u200b\u200d\ufeff…ﬁ½²№ßİǅ«»—\u00a0\r\n가각ｶﾞ\U000e0041"),
)
TEXTS = st.text(ALPHABET, max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ещё", "Еще"),
        ("Е\u0308ж", "Еж"),
        ("и\u0306од", "йод"),
        ("«да» “yes” „ja“", '"да" "yes" "ja"'),
        ("it’s", "it's"),
        ("2019—2021 – ‑", "2019-2021 - -"),
        ("12\u00a0%\u2009x", "12 % x"),
        ("co\u00adoper\u200bate", "cooperate"),
        ("\ufeffstart", "start"),
        ("a\u202eb\U000e0041c", "abc"),
        ("ﬁne…", "fine..."),
        ("ＡＢＣ１２", "ABC12"),
        ("e\u200b\u0301", "é"),
        ("ｶﾞ", "ガ"),
        ("ᄀ" + "ᅡ" + "ᆨ", "각"),
        ("10² = 2½", "10² = 2½"),
        ("Acme™ № 5", "Acme™ № 5"),
        ("line\r\nnext\tcell", "line\r\nnext\tcell"),
    ],
)
def test_unifies_what_looks_alike_and_keeps_what_differs(text: str, expected: str) -> None:
    assert normalize(text).text == expected
    assert normal_form(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Straße", "strasse"), ("ПРИВЁТ", "привет"), ("İx", "i̇x"), ("ABC", "abc"), ("Ǆ", "dž")],
)
def test_folds_case_only_when_asked(text: str, expected: str) -> None:
    assert normalize(text, fold_case=True).text == unicodedata.normalize("NFKC", expected)
    assert normalize("Straße").text == "Straße"


def test_maps_a_span_behind_removed_and_expanded_characters() -> None:
    text = "\ufeffсо\u00adглаше\u00adние… «об\u00a0аренде»"
    normalized = normalize(text)
    start = normalized.text.index("соглашение")
    assert normalized.to_original(Span(start, start + 10)).of(text) == "со\u00adглаше\u00adние"
    start = normalized.text.index("...")
    assert normalized.to_original(Span(start, start + 1)).of(text) == "…"
    start = normalized.text.index("об аренде")
    assert normalized.to_original(Span(start, start + 9)).of(text) == "об\u00a0аренде"


def test_refuses_a_span_outside_the_text() -> None:
    with pytest.raises(ValueError, match="only 2 characters"):
        normalize("ab").to_original(Span(0, 3))


@given(TEXTS, st.booleans())
def test_is_idempotent(text: str, fold_case: bool) -> None:
    once = normalize(text, fold_case=fold_case).text
    assert normalize(once, fold_case=fold_case).text == once


@given(TEXTS, st.booleans())
def test_every_character_has_a_source_in_order_and_only_invisible_ones_are_lost(
    text: str, fold_case: bool
) -> None:
    normalized = normalize(text, fold_case=fold_case)
    sources = [normalized.to_original(Span(i, i + 1)) for i in range(len(normalized.text))]
    assert all(source.start < source.end <= len(text) for source in sources)
    assert all(a.start <= b.start and a.end <= b.end for a, b in itertools.pairwise(sources))
    covered = {at for source in sources for at in range(source.start, source.end)}
    lost = "".join(c for at, c in enumerate(text) if at not in covered)
    assert normalize(lost).text == ""


@given(TEXTS)
def test_agrees_with_nfkc_where_nothing_is_special(text: str) -> None:
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalpha() and c not in "ёЁʼ")
    assert normalize(plain).text == unicodedata.normalize("NFKC", plain)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=95)))
def test_a_plain_text_keeps_its_positions(text: str) -> None:
    normalized = normalize(text)
    assert normalized.text == text
    assert normalized.starts is None


@given(TEXTS)
def test_the_short_form_is_the_same_text(text: str) -> None:
    assert normal_form(text) == normalize(text).text


def test_a_long_hostile_text_takes_linear_time() -> None:
    began = time.perf_counter()
    for text in ("a\u0301" * 200_000, "\u200b" * 400_000, "…" * 400_000, "a" + "\u0301" * 400_000):
        normalize(text, fold_case=True)
    assert time.perf_counter() - began < 10
