"""The gold quotes of the example questions stand in the text that our own parsers make of the pages."""

from __future__ import annotations

import json

import pytest

import ragkit
from tests.conftest import ROOT

EVIDENCE = [
    (question["_id"], item["document"], item["quote"])
    for line in (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
    for question in [json.loads(line)]
    for item in question["evidence"]
]


@pytest.mark.parametrize(
    ("key", "document", "quote"), EVIDENCE, ids=[f"{e[0]}-{i}" for i, e in enumerate(EVIDENCE)]
)
def test_a_gold_quote_stands_once_in_the_parsed_page(
    handbook: ragkit.RAG, key: str, document: str, quote: str
) -> None:
    assert handbook.source(document).count(quote) == 1
