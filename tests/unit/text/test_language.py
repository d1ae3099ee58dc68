"""Language detection: questions and passages of many languages, and texts of no language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.language import UNDETERMINED, detect_language, guess_in_script, guess_language
from ragkit.text.stopwords import FREQUENT_WORDS, STOP_WORDS, stop_words

QUESTIONS = {
    "How much does it cost?": "en",
    "Return policy for used books": "en",
    "dependency injection error handling": "en",
    "Сколько стоит доставка?": "ru",
    "возврат товара": "ru",
    "Как объявить параметр запроса в FastAPI через Query?": "ru",
    "Яка ціна доставки?": "uk",
    "Колко струва това?": "bg",
    "Колико кошта ово?": "sr",
    "Колькі гэта каштуе?": "be",
    "Was kostet der Versand?": "de",
    "Kündigungsfrist für Mietverträge": "de",
    "Combien ça coûte ?": "fr",
    "Quels sont les droits des employés": "fr",
    "¿Cuánto cuesta el envío?": "es",
    "Quanto costa la spedizione?": "it",
    "Quanto custa o envio e quem paga?": "pt",
    "Wat kost de verzending?": "nl",
    "Vad kostar frakten och hur betalar jag?": "sv",
    "Hvad koster forsendelsen, og hvem betaler den?": "da",
    "Hva koster frakten, og hvem betaler?": "no",
    "Mitä toimitus maksaa ja kuka sen maksaa?": "fi",
    "Mennyibe kerül a szállítás és ki fizeti?": "hu",
    "Cât costă livrarea și cine plătește?": "ro",
    "Kargo ücreti ne kadar ve kim öder?": "tr",
    "Quant costa això i qui ho paga?": "ca",
    "Ile kosztuje wysyłka i kto za nią płaci?": "pl",
    "Kolik stojí doprava a kdo ji platí?": "cs",
    "Berapa biaya pengiriman dan siapa yang membayar?": "id",
    "Bao nhiêu tiền?": "vi",
    "Πόσο κοστίζει;": "el",
    "كم تكلفة الشحن؟": "ar",
    "هزینه ارسال چقدر است؟": "fa",
    "כמה עולה המשלוח?": "he",
    "शिपिंग की लागत क्या है?": "hi",
    "ค่าจัดส่งเท่าไร": "th",
    "배송비는 얼마입니까?": "ko",
    "送料はいくらですか": "ja",
    "运费多少钱": "zh",
}


@pytest.mark.parametrize(("text", "language"), QUESTIONS.items())
def test_detects_the_language_of_a_question(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text", ["", "  \n", "42", "12,5 % — 87", "user_id = 42", "fastapi.Query", "v1.2.3", "?!"]
)
def test_a_text_without_words_has_no_language(text: str) -> None:
    assert guess_language(text).code == UNDETERMINED
    assert guess_language(text).confidence == 0.0


def test_prose_decides_over_code_and_names() -> None:
    text = (
        "Класс `fastapi.Query` задаёт параметр запроса: import Query from fastapi, for x in items: return x"
    )
    assert detect_language(text) == "ru"
    assert detect_language("The town of Ишим (Ishim) lies on the river of the same name in Siberia") == "en"
    assert detect_language("FastAPI の Query パラメータを宣言する方法") == "ja"


def test_words_without_evidence_are_taken_as_the_usual_language_with_little_confidence() -> None:
    assert guess_language("Kubernetes").code == "en"
    assert guess_language("Kubernetes").confidence < 0.1
    assert guess_language("кубернетес").code == "ru"


def test_each_script_of_a_mixed_text_can_be_asked() -> None:
    text = "Термин «die Würde des Menschen ist unantastbar» взят из основного закона"
    assert guess_in_script(text, "latin").code == "de"
    assert guess_in_script(text, "cyrillic").code == "ru"
    assert guess_in_script("42", "latin").code == UNDETERMINED


def test_a_long_text_is_judged_by_more_than_its_beginning() -> None:
    assert (
        detect_language(
            "import os\nfrom typing import Any\n" * 4 + "Diese Funktion gibt eine Liste zurück. " * 80
        )
        == "de"
    )


@given(st.text(max_size=300))
def test_any_text_gets_a_code_and_a_confidence_between_0_and_1(text: str) -> None:
    guess = guess_language(text)
    assert guess.code == UNDETERMINED or 2 <= len(guess.code) <= 3
    assert 0.0 <= guess.confidence <= 1.0
    assert guess_language(text) == guess


def test_word_lists_are_in_the_form_that_terms_have() -> None:
    for table in (STOP_WORDS, FREQUENT_WORDS):
        for language, listed in table.items():
            words = listed.split()
            assert all(word == word.lower() and "ё" not in word for word in words), language
    assert "the" in stop_words("en")
    assert "это" in stop_words("ru")
    assert stop_words("xx") == frozenset()
