"""ragas' own code over ragkit's outcomes, asking a local server through `llm/openai`."""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import anyio
import numpy as np
import pytest

from ragkit import registry
from ragkit.errors import ConfigError, MissingExtraError
from ragkit.evaluation.case import Case
from ragkit.evaluation.judge import ExternalMetric, ReplyCache, load_metric
from ragkit.evaluation.measure import measure
from ragkit.protocols import TextKind, Vectors
from ragkit_connectors.openai import OpenAIChat
from ragkit_connectors.ragas.catalogue import METRICS
from tests.connectors.chat_server import ChatServer, Raw, failure, reply, serving
from tests.unit.evaluation.judge.scripted import ScriptedChat
from tests.unit.evaluation.metrics.making import ABSTAINED, case, context, place, says

IS_THERE = registry.missing_extra("metric/ragas") is None
needs_ragas = pytest.mark.skipif(not IS_THERE, reason="needs the extra ragas: it is not installed")
# ragas and what it stands on warn of their own ways when they are imported and used.
pytestmark = pytest.mark.filterwarnings("ignore")


def sentences(text: str) -> list[str]:
    return [part.strip() for part in re.findall(r"[^.]+\.", text)]


def verdict(statement: str, passages: str) -> int:
    return int(statement.rstrip(".").lower() in passages.lower())


def rule(body: dict[str, Any]) -> Raw:
    """Answers what ragas asks by looking for sentences in passages word by word."""
    prompt = body["messages"][-1]["content"]
    given = json.loads(prompt.rsplit("input: ", 1)[1].rsplit("Output:", 1)[0])
    match asked_for(body):
        case "StatementGeneratorOutput":
            said: Any = {"statements": sentences(given["answer"])}
        case "NLIStatementOutput":
            said = {
                "statements": [
                    {"statement": s, "reason": "so", "verdict": verdict(s, given["context"])}
                    for s in given["statements"]
                ]
            }
        case "ContextRecallOutput":
            said = {
                "classifications": [
                    {"statement": s, "reason": "so", "attributed": verdict(s, given["context"])}
                    for s in sentences(given["answer"])
                ]
            }
        case "ContextPrecisionOutput":
            said = {"reason": "so", "verdict": verdict(given["answer"], given["context"])}
        case "AnswerRelevanceOutput":
            said = {"question": "How long?", "noncommittal": 0}
        case title:
            raise AssertionError(title)
    return reply(json.dumps(said))


class Letters:
    """Embeds a text as how often each letter occurs."""

    name = fingerprint = "letters"
    dimension, max_tokens = 26, 512
    languages = frozenset[str]()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        vectors: Vectors = np.array([[text.count(a) for a in ascii_lowercase] for text in texts], np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving(script=rule) as server:
        yield server


def asked(name: str, server: ChatServer, *cases: Case, cache: ReplyCache | None = None) -> ExternalMetric:
    model = OpenAIChat(base_url=server.url, model="m", price={"input": 1.0, "output": 1.0})
    return anyio.run(load_metric(name, model=model, embedder=Letters()).asked, cases, cache)


def answered(text: str, id_: str = "q1", answer: str = "The warranty lasts two years.") -> Case:
    return case(context(place("b"), place("a")), reply=says(text), answers=(answer,), id_=id_)


@needs_ragas
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ragas.faithfulness", 0.5),  # one of two sentences is in the passages
        ("ragas.context_recall", 1.0),
        ("ragas.context_precision", 0.5),  # the right passage comes second
        ("ragas.answer_relevancy", 1.0),  # the question that is made of the answer is the one asked
    ],
)
def test_metrics_are_worked_out_by_ragas(name: str, expected: float, server: ChatServer) -> None:
    found = asked(name, server, answered("The warranty lasts two years. It costs ten euros."))
    figure = measure([answered("x")], {}, [found]).figures[name]
    assert figure.failed == 0
    assert figure.mean == pytest.approx(expected, abs=1e-6)
    assert found.bill.calls == len(server.seen)
    assert found.bill.usd is not None


@needs_ragas
def test_what_says_nothing_is_not_asked(server: ChatServer) -> None:
    cases = (case(reply=ABSTAINED, answers=("x",), id_="q1"), case(context(place("a")), id_="q2"))
    assert [v.score for v in (asked("ragas.faithfulness", server, *cases).verdicts or {}).values()] == [
        None
    ] * 2
    assert [v.score for v in (asked("ragas.context_recall", server, cases[1]).verdicts or {}).values()] == [
        None
    ]
    assert not server.seen


@needs_ragas
def test_with_the_cache_nothing_is_asked_again(server: ChatServer, tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        first = asked("ragas.faithfulness", server, answered("Two years."), cache=cache)
        n_asked = len(server.seen)
        again = asked("ragas.faithfulness", server, answered("Two years."), cache=cache)
    assert (first.verdicts, n_asked, len(server.seen)) == (again.verdicts, 2, 2)
    assert (again.bill.calls, again.bill.cached) == (2, 2)


@needs_ragas
@pytest.mark.parametrize(
    "broken",
    [
        lambda body: reply("no JSON"),
        lambda body: reply('{"statements": "x"}'),
        lambda body: reply('{"statements": []}'),  # ragas makes NaN of it
        lambda body: failure(400, "no"),
        lambda body: reply(
            '{"statements": ["x"]}' if "Generator" in asked_for(body) else '{"statements": []}'
        ),
    ],
)
def test_what_ragas_cannot_score_is_a_counted_failure_and_never_nan(broken: Any) -> None:
    def script(body: dict[str, Any]) -> Raw:
        raw: Raw = broken(body) if "Ten" in json.dumps(body) or "x" in sentences_asked(body) else rule(body)
        return raw

    cases = [answered("Ten euros.", "q1"), answered("The warranty lasts two years.", "q2")]
    with serving(script=script) as server:
        found = asked("ragas.faithfulness", server, *cases)
    figure = measure(cases, {}, [found]).figures["ragas.faithfulness"]
    assert (figure.mean, figure.n, figure.failed) == (1.0, 1, 1)
    assert all(v.score is None or math.isfinite(v.score) for v in (found.verdicts or {}).values())


def asked_for(body: dict[str, Any]) -> str:
    return str(body["response_format"]["json_schema"]["schema"]["title"])


def sentences_asked(body: dict[str, Any]) -> list[str]:
    given = body["messages"][0]["content"].rsplit("input: ", 1)[1].rsplit("Output:", 1)[0]
    statements: list[str] = json.loads(given).get("statements", [])
    return statements


@needs_ragas
def test_every_metric_of_the_catalogue_can_be_made() -> None:
    model = ScriptedChat(lambda _: "{}")
    for name, entry in METRICS.items():
        made = load_metric(f"ragas.{name}", model=model, embedder=Letters())
        assert made.scorer()._metric is not None  # type: ignore[attr-defined]
        assert ("answers" in made.needs) == ("reference" in entry.shown)


@needs_ragas
def test_nothing_but_the_model_is_called(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[Any] = set()
    connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        reached.add(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    asked("ragas.faithfulness", server, answered("Two years."))
    assert {address[1] for address in reached if isinstance(address, tuple)} <= {server.port}


@needs_ragas
def test_what_is_missing_is_told() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'faithfulness'"):
        load_metric("ragas.faithfullness", model=ScriptedChat(lambda _: ""))
    with pytest.raises(ConfigError, match="needs model"):
        load_metric("ragas.faithfulness")
    with pytest.raises(ConfigError, match="needs embedder"):
        load_metric("ragas.answer_relevancy", model=ScriptedChat(lambda _: ""))


@needs_ragas
def test_versions_that_do_not_fit_one_another_are_told() -> None:
    program = (
        "import sys; sys.modules['langchain_community.chat_models.vertexai'] = None\n"
        "from ragkit_connectors.ragas.adapters import collections; collections()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert "ConfigError: ragas is installed and cannot be imported" in ran.stderr
    assert "pip install 'ragkit[ragas]'" in ran.stderr


@pytest.mark.skipif(IS_THERE, reason="ragas is installed")
def test_without_ragas_the_remedy_is_told() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'ragkit\[ragas\]'"):
        load_metric("ragas.faithfulness", model=ScriptedChat(lambda _: ""))


def test_an_unknown_library_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown name 'metric/raggas'"):
        load_metric("raggas.faithfulness")
