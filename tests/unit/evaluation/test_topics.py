"""TREC topics in their three forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.own_questions import load_questions
from ragkit.evaluation.topics import read_topics

CLASSIC = """
<top>

<num> Number: 301
<title> harbour cranes

<desc> Description:
What do harbour
cranes lift?

</top>
<top><num> Number: 302 <title> Topic: ships &amp; boats </top>
"""
XML = """<?xml version="1.0"?>
<topics task="x">
  <topic number="1"><query>harbour cranes</query><question>What do they lift?</question></topic>
</topics>
"""


def topics(folder: Path, text: str) -> Path:
    (folder / "topics.txt").write_text(text, encoding="utf-8")
    return folder / "topics.txt"


def test_the_classic_form_leaves_its_tags_open(tmp_path: Path) -> None:
    found = read_topics(topics(tmp_path, CLASSIC))
    assert {id_: topic.text for id_, topic in found.items()} == {
        "301": "harbour cranes",
        "302": "ships & boats",
    }
    assert found["301"].metadata == {"desc": "What do harbour cranes lift?"}


def test_xml_has_its_number_as_an_attribute(tmp_path: Path) -> None:
    found = read_topics(topics(tmp_path, XML))
    assert (found["1"].text, found["1"].metadata) == ("harbour cranes", {"question": "What do they lift?"})


def test_a_line_is_an_id_and_a_text(tmp_path: Path) -> None:
    assert read_topics(topics(tmp_path, "q1\tharbour cranes\n"))["q1"].text == "harbour cranes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no tab here\n", r"topics\.txt:1: expected <top> with <num> and <title>.* got 'no tab here'"),
        ("<top><title> x </top>", r"topic 1: expected <top> with <num>"),
        (
            "<top><num> 1 <title> x </top><top><num> 1 <title> y </top>",
            r"topic 2: the id '1' was there before",
        ),
        ("\n", r"holds no topic"),
    ],
)
def test_what_is_no_topic_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvalError, match=message):
        read_topics(topics(tmp_path, text))


def test_topics_qrels_and_a_corpus_are_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "Cranes lift 40 tonnes."}\n')
    (tmp_path / "qrels.txt").write_text("301 0 d1 2\n")
    data = load_questions(topics(tmp_path, CLASSIC), tmp_path / "corpus.jsonl", qrels=tmp_path / "qrels.txt")
    assert (data.qrels, list(data.judged), data.check()) == ({"301": {"d1": 2}}, ["301"], 1)
