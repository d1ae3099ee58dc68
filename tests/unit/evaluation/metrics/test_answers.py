"""EM, F1, ROUGE-L and containment: worked examples, and what the official evaluation gives."""

from __future__ import annotations

import collections
import re
import string

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from ragkit.evaluation.metrics.contains import Contains
from ragkit.evaluation.metrics.exact_match import ExactMatch
from ragkit.evaluation.metrics.rouge_l import RougeL, common_subsequence, rouge_l
from ragkit.evaluation.metrics.token_f1 import TokenF1, token_f1
from ragkit.evaluation.metrics.wording import said, words
from ragkit.evaluation.outcome import Reply
from ragkit.types import Sentence
from tests.unit.evaluation.metrics.making import ABSTAINED, case, cite, says

SEED = 5


def official_words(text: str) -> list[str]:
    """The steps of the official evaluation of SQuAD 2.0, one by one."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def official_f1(gold: list[str], given: list[str]) -> float:
    if not gold or not given:
        return float(gold == given)
    same = sum((collections.Counter(gold) & collections.Counter(given)).values())
    if not same:
        return 0.0
    precision, recall = same / len(given), same / len(gold)
    return 2 * precision * recall / (precision + recall)


ascii_texts = st.text(st.sampled_from(string.ascii_letters[:4] + "theAN 12.,-'`_\n$"), max_size=25)


@seed(SEED)
@given(ascii_texts)
def test_english_words_are_those_of_the_official_evaluation(text: str) -> None:
    assert words(text) == official_words(text)


@seed(SEED)
@given(ascii_texts, ascii_texts)
def test_f1_is_that_of_the_official_evaluation(gold: str, given: str) -> None:
    assert token_f1(words(gold), words(given)) == pytest.approx(
        official_f1(official_words(gold), official_words(given)), abs=1e-12
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("«Ёлка» — 5 м.", "елка 5 м"),
        ("10–12 дней", "10-12 дней"),
        ("Äpfel", "A\u0308PFEL"),
        ("ＡＢＣ！", "abc"),
        ("北京大学。", "北京大学"),
        ("“curly” quotes", '"curly" quotes'),
    ],
)
def test_other_scripts_are_told_by_the_same_idea(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize("marker", ["[1]", " [1]", " [1, 2]", " [1-3][4]", " 【2†source】", " [source 1]"])
def test_no_shape_of_a_marker_is_a_word_of_a_reply(marker: str) -> None:
    assert said(Reply(f"Two years{marker}.")) == "Two years."


def test_a_stress_mark_is_no_part_of_a_russian_word() -> None:
    assert words("Москва\u0301, сто\u0301лица") == words("Москва столица")
    assert words("й cafe\u0301") == ["й", "caf\u00e9"]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert token_f1(words("北京大学"), words("北京")) == pytest.approx(2 / 3)


def test_a_reply_says_its_sentences_without_markers() -> None:
    assert said(says("Two years.", cite())) == "Two years."
    assert said(Reply("Two years. [1] [12]")) == "Two years."
    assert said(ABSTAINED) == ""


def test_measures_of_a_reply_by_hand() -> None:
    given_reply = case(reply=says("It lasts two years.", cite()), answers=["Two years", "24 months"])
    assert ExactMatch().of(given_reply) == 0.0
    assert TokenF1().of(given_reply) == pytest.approx(2 * 2 / (2 + 4))
    assert RougeL().of(given_reply) == pytest.approx(2 * 2 / (2 + 4))
    assert Contains().of(given_reply) == 1.0


def test_the_best_of_the_accepted_answers_counts() -> None:
    assert ExactMatch().of(case(reply=says("24 months."), answers=["two years", "The 24 months"])) == 1.0


def test_containment_asks_for_whole_words_in_a_row() -> None:
    assert Contains().of(case(reply=says("It took 12 years, or two."), answers=["2 years"])) == 0.0
    assert Contains().of(case(reply=says("It took two long years."), answers=["two years"])) == 0.0


@pytest.mark.parametrize("metric", [ExactMatch(), TokenF1(), RougeL(), Contains()])
def test_to_abstain_is_right_where_there_is_no_answer(metric: ExactMatch) -> None:
    assert metric.of(case(reply=ABSTAINED, is_answerable=False)) == 1.0
    assert metric.of(case(reply=says("Two years."), is_answerable=False)) == 0.0
    assert metric.of(case(reply=ABSTAINED, answers=["two years"])) == 0.0
    # As in the official evaluation: an answer without a word is no answer.
    assert metric.of(case(reply=ABSTAINED, answers=["the ..."])) == 1.0


@pytest.mark.parametrize("metric", [ExactMatch(), TokenF1(), RougeL(), Contains()])
def test_nothing_is_said_where_nothing_is_known(metric: ExactMatch) -> None:
    assert metric.of(case(reply=says("Two years."))) is None
    assert metric.of(case(reply=says("Two years."), is_answerable=True)) is None
    assert metric.of(case(answers=["two years"])) is None


def test_rouge_by_hand() -> None:
    # Lin 2004, section 3.1: S1 "police killed the gunman", S2 "police kill the gunman", S3 "the gunman kill
    # police": ROUGE-L of S2 is 3/4, of S3 2/4.
    first = ["police", "killed", "the", "gunman"]
    assert rouge_l(first, ["police", "kill", "the", "gunman"]) == 3 / 4
    assert rouge_l(first, ["the", "gunman", "kill", "police"]) == 2 / 4


@seed(SEED)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_the_common_subsequence_is_that_of_the_plain_recursion(one: list[str], other: list[str]) -> None:
    row = [0] * (len(other) + 1)
    for word in one:
        above = row
        row = [0]
        for j, against in enumerate(other):
            row.append(above[j] + 1 if word == against else max(above[j + 1], row[j]))
    assert common_subsequence(one, other) == row[-1]


def test_sentences_of_a_reply_are_joined() -> None:
    reply = Reply("", sentences=(Sentence("Two."), Sentence("Years.")))
    assert ExactMatch().of(case(reply=reply, answers=["two years"])) == 1.0
