"""Answers that are shown while they are made: to people sentence by sentence, to programs line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit import registry
from ragkit.cli import main
from ragkit.cli.live import print_live
from ragkit.errors import ModelUnavailableError
from ragkit.events import Done, Event, Retracted, Shown, Token
from ragkit.settings import Settings
from ragkit.types import Answer, QueryPlan, Sentence
from tests.unit.cli.test_chat import CONFIG
from tests.unit.generate.dictated import Dictated, passages_in

PLAN = QueryPlan.of("?")
QUESTION = "Which plan offers SAML single sign-on?"


class Speaker(Dictated):
    """Quotes the first sentence of the first passage that has a full stop."""

    use = "llm/toy-speaker"
    Config = Settings

    def __init__(self) -> None:
        def dictate(messages: object) -> str:
            (first, *_) = passages_in(messages)  # type: ignore[arg-type]
            found = re.search(r"^[A-Z][^.|\n]{30,}\.", first, re.MULTILINE)
            assert found is not None
            return f"{found[0]} [1] Elephants fly to 77 moons. [1]"

        super().__init__(dictate)


class Mute(Dictated):
    """Breaks off after a sentence."""

    use = "llm/toy-mute"
    Config = Settings

    def __init__(self) -> None:
        super().__init__(lambda messages: "It breaks off. [1] " * 9, dies_after=6)


def asked(use: str, index: Path, tmp_path: Path, *options: str) -> int:
    registry.register(Speaker)
    registry.register(Mute)
    config = tmp_path / "rag.yaml"
    config.write_text(CONFIG.format(index=index).replace("llm/toy-chat", use), encoding="utf-8")
    return main(["ask", QUESTION, "--config", str(config), *options])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_event_is_a_line_and_the_last_one_is_what_json_gives(
    handbook_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked("llm/toy-speaker", handbook_index, tmp_path, "--stream", "--trace") == 0
    *events, done, trace = lines(capsys)
    assert asked("llm/toy-speaker", handbook_index, tmp_path, "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    kinds = [event["event"] for event in events]
    assert (set(kinds), done["event"], trace["event"]) == ({"token", "shown", "spent"}, "done", "trace")
    timed = {"event", "usage", "trace_id"}
    assert {k: v for k, v in done.items() if k not in timed} == {
        k: v for k, v in whole.items() if k not in timed
    }
    (shown,) = (event for event in events if event["event"] == "shown")
    assert shown["text"] == whole["answer"]
    assert shown["sentence"] == whole["sentences"][0]
    assert trace["first_token_s"] > 0  # type: ignore[operator]


def test_a_stream_that_breaks_off_ends_with_the_error(
    handbook_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked("llm/toy-mute", handbook_index, tmp_path, "--stream") == 1
    *events, last = lines(capsys)
    assert {event["event"] for event in events} == {"token"}
    assert (last["event"], last["type"]) == ("error", "StageError")
    assert "broke off" in str(last["error"])


def test_one_form_of_output_at_a_time(
    handbook_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        asked("llm/toy-speaker", handbook_index, tmp_path, "--stream", "--json")
    assert "not allowed with" in capsys.readouterr().err


def test_a_terminal_shows_the_checked_sentence_and_its_source(
    handbook_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("llm/toy-speaker", handbook_index, tmp_path, "--json")
    whole = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("ragkit.cli.live.is_live", lambda: True)
    assert asked("llm/toy-speaker", handbook_index, tmp_path) == 0
    out = capsys.readouterr().out
    flat = "".join(out.split())
    assert flat.startswith("".join(whole["answer"].split()))
    assert "“" in out
    assert "Elephants" not in out
    assert flat.count("".join(whole["answer"].split())) == 1


def said(*texts: str) -> Answer:
    return Answer(PLAN, text=" ".join(texts), sentences=tuple(map(Sentence, texts)))


def shown(n: int, text: str) -> Shown:
    return Shown(n, Sentence(text), text=text)


def test_what_is_taken_back_is_named_and_the_answer_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    rest = said().with_(sentences=())
    events: list[Event] = [shown(1, "A is."), shown(2, "B is."), Retracted(1), shown(3, "C is."), Done(rest)]
    assert print_live(events).text == "B is. C is."
    out = capsys.readouterr().out
    assert "A is. B is.\n  taken back: “A is.”" in out
    assert out.rstrip().endswith("B is. C is.")


def test_an_abstention_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    answer = said().with_(text="Nothing is known.", abstained=True, reason="no_evidence")
    assert print_live([Token("x"), Done(answer)]) == answer
    assert capsys.readouterr().out == "Nothing is known.\n"


def test_what_breaks_off_is_not_left_looking_like_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def events() -> Iterator[Event]:
        yield shown(1, "A is.")
        raise ModelUnavailableError("down")

    with pytest.raises(ragkit.ModelError, match="down"):
        print_live(events())
    assert capsys.readouterr().out == "A is.\n  broken off: what stands above is not the answer\n"


def test_documents_do_not_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_live([shown(1, "A\x1b[31m is."), Done(said().with_(sentences=()))])
    assert "\x1b" not in capsys.readouterr().out
