"""An answer as JSON: of the schema, and each value with a quote that states it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

import ragkit
from ragkit.chat import Completion
from ragkit.config.load import load_config
from ragkit.errors import ConfigError, InvalidOutputError
from ragkit.generate.evidence import is_stated
from ragkit.generate.structured import StructuredGenerate
from ragkit.graph.stage import RunContext
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer
from tests.unit.generate.scripted import Scripted
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

WARRANTY = chunk(
    "a",
    "The warranty lasts 24 months. It covers scanners and docks. The fee is 1,200 euros.",
    start=100,
    document_id="warranty",
)
QUESTION = "What is the warranty?"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "months": {"type": "integer"},
        "covers": {"type": "array", "items": {"type": "string"}},
        "fee": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "kind": {"$ref": "#/$defs/kind"},
    },
    "required": ["months", "fee"],
    "additionalProperties": False,
    "$defs": {"kind": {"enum": ["long", "short"]}},
}
MONTHS = {"place": "months", "passage": 1, "quote": "lasts 24 months"}
FEE = {"place": "fee", "passage": 1, "quote": "The fee is 1,200 euros."}


def said(data: Any, *evidence: dict[str, Any]) -> str:
    return json.dumps({"data": data, "evidence": evidence})


def ask(
    *replies: str | Completion, ctx: RunContext | None = None, schema: Any = None
) -> tuple[Answer, Scripted]:
    model = Scripted(*replies)
    stage = StructuredGenerate(llm=model, json_schema=schema or SCHEMA)
    stage.setup(WordsOnly())
    return anyio.run(stage.run, context(QUESTION, WARRANTY), ctx or run_context()), model


def test_each_value_comes_with_its_place() -> None:
    answer, model = ask(said({"months": 24, "fee": 1200}, MONTHS, FEE))
    assert json.loads(answer.text) == {"months": 24, "fee": 1200}
    assert [s.text for s in answer.sentences] == ["months: 24", "fee: 1200"]
    for c in answer.citations:
        assert WARRANTY.text[c.start - 100 : c.end - 100] == c.quote
    assert model.options[0]["schema"]["$defs"] == SCHEMA["$defs"]
    assert "months" in model.asked[0][0].text


def test_json_of_another_shape_is_sent_back_once_with_what_is_wrong() -> None:
    answer, model = ask(
        said({"months": "24"}, MONTHS), f"```json\n{said({'months': 24, 'fee': None}, MONTHS)}\n```"
    )
    assert json.loads(answer.text) == {"months": 24, "fee": None}
    *_, draft, wish = model.asked[1]
    assert draft.role == "assistant"
    assert "This is not the JSON that was asked for: $.data" in wish.text
    assert answer.usage.input_tokens == 180


@pytest.mark.parametrize(
    ("replies", "message", "calls"),
    [
        (["no", "none"], "no JSON of the schema: no JSON", 2),
        ([Completion('{"da', model="m", finish_reason="length")], r"it was cut\. Raise max_tokens", 1),
        ([Completion("", model="m", finish_reason="content_filter")], "filter withheld it", 1),
    ],
)
def test_what_stays_wrong_is_an_error(replies: list[str | Completion], message: str, calls: int) -> None:
    model = Scripted(*replies)
    stage = StructuredGenerate(llm=model, json_schema=SCHEMA)
    stage.setup(WordsOnly())
    with pytest.raises(InvalidOutputError, match=message):
        anyio.run(stage.run, context(QUESTION, WARRANTY), run_context())
    assert len(model.asked) == calls


def test_no_data_is_no_evidence() -> None:
    for reply in (said(None), "<think>Hm {</think>" + said(None)):
        answer, _ = ask(reply)
        assert (answer.abstained, answer.reason) == (True, "no_evidence")


@pytest.mark.parametrize(
    ("fee", "evidence", "problem"),
    [
        (1300, [FEE], "its quote does not state it"),
        (1200, [{**FEE, "quote": "The fee is 1,200 dollars."}], "its quote stands in no such passage"),
        (1200, [{**FEE, "passage": 2}], "its quote stands in no such passage"),
        (1200, [], "no quote was given for it"),
    ],
)
def test_a_value_that_is_not_borne_out_is_taken_out(
    fee: int, evidence: list[dict[str, Any]], problem: str
) -> None:
    answer, _ = ask(said({"months": 24, "fee": fee}, MONTHS, *evidence))
    assert json.loads(answer.text) == {"months": 24, "fee": None}
    assert [(s.text, s.problems) for s in answer.dropped] == [(f"fee: {fee}", (problem,))]


def test_where_the_schema_needs_the_value_the_answer_is_an_abstention() -> None:
    answer, _ = ask(said({"months": 36, "fee": 1200}, MONTHS, FEE))
    assert (answer.abstained, answer.reason) == (True, "unsupported")


def test_an_item_of_a_list_goes_and_the_others_move_up() -> None:
    covers = [
        {"place": f"covers[{n}]", "passage": 1, "quote": "It covers scanners and docks."} for n in range(3)
    ]
    answer, _ = ask(
        said({"months": 24, "fee": None, "covers": ["scanners", "cars", "docks"]}, MONTHS, *covers)
    )
    assert json.loads(answer.text)["covers"] == ["scanners", "docks"]
    assert [s.text for s in answer.sentences][1:] == ["covers[0]: scanners", "covers[1]: docks"]


def test_a_choice_needs_a_quote_and_not_its_word() -> None:
    kind = {**MONTHS, "place": "kind"}
    answer, _ = ask(said({"months": 24, "fee": None, "kind": "long"}, MONTHS, kind))
    assert json.loads(answer.text)["kind"] == "long"


def test_spellings_of_numbers_are_known() -> None:
    assert all(is_stated(1200, f"{n} euros") for n in ("1,200", "1 200", "1\u00a0200", "1.200", "1200.00"))
    assert is_stated(-1.5, "bei −1,5 Grad")
    assert not any(is_stated(12, text) for text in ("120", "1.2", "a12", "v1.12"))


def test_a_schema_that_cannot_be_checked_is_refused_with_its_line(tmp_path: Path) -> None:
    text = """ragkit: 1
models: {embed: {use: embed/bundled}, taped: {use: llm/replay, folder: tapes}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25}
  fuse: {use: fuse/rrf, in: [sparse]}
  generate:
    use: generate/structured
    llm: taped
    json_schema: SCHEMA
"""
    (tmp_path / "form.json").write_text(json.dumps(SCHEMA))
    config = load_config(_written(tmp_path, text.replace("SCHEMA", "form.json")))
    assert config.graph.nodes[-1].stage.config.json_schema == SCHEMA  # type: ignore[attr-defined]
    with pytest.raises(
        ConfigError, match=r"yaml:11: query.generate.json_schema: .*'pattern' is not supported"
    ):
        load_config(_written(tmp_path, text.replace("SCHEMA", "{type: string, pattern: a+}")))
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read"):
        load_config(_written(tmp_path, text.replace("SCHEMA", "none.json")))


def _written(folder: Path, text: str) -> Path:
    (folder / "rag.yaml").write_text(text)
    return folder / "rag.yaml"


def test_in_a_graph_no_other_check_is_needed(tmp_path: Path) -> None:
    model = Scripted(said({"months": 24, "fee": None}, MONTHS))
    graph = Bm25Retrieve() >> WeightedFuse() >> StructuredGenerate(llm=model, json_schema=SCHEMA)
    with ragkit.open(tmp_path / "index", graph=graph) as rag:
        rag.ingest([ragkit.Document("warranty", WARRANTY.text)], progress=False)
        answer = rag.ask(QUESTION)
        (citation,) = answer.citations
        assert citation.quote == rag.source("warranty")[citation.start : citation.end] == "lasts 24 months"
