"""The command line as a user calls it: exit codes, machine output, messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import VERBS, main
from ragkit.cli.options import print_json
from tests.conftest import CORPUS

Run = tuple[int, str, str]
Call = Callable[..., Run]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*argv: object) -> Run:
        try:
            code = main([str(a) for a in argv])
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_ask_json_has_the_keys_of_the_contract(run: Call, handbook_index: Path) -> None:
    code, out, _ = run("ask", "Which plan offers SAML single sign-on?", "--index", handbook_index, "--json")
    answer = json.loads(out)
    assert code == 0
    assert set(answer) >= {
        "answer", "abstained", "reason", "sentences", "citations", "degraded", "usage", "trace_id",
    }  # fmt: skip
    assert set(answer["citations"][0]) >= {
        "marker", "document_id", "uri", "start", "end", "quote", "page", "support",
    }  # fmt: skip
    assert "Lighthouse" in answer["answer"]


def test_source_prints_what_citations_count_in(run: Call, handbook_index: Path) -> None:
    _, out, _ = run("ask", "Which plan offers SAML single sign-on?", "--index", handbook_index, "--json")
    citation = json.loads(out)["citations"][0]
    code, text, _ = run("source", citation["document_id"], "--index", handbook_index)
    assert code == 0
    assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_source_takes_the_place_that_a_citation_shows(run: Call, handbook_index: Path) -> None:
    assert run("source", "corpus/en/faq/general.html", "--index", handbook_index) == run(
        "source", "en/faq/general.html", "--index", handbook_index
    )


def test_ask_shows_file_heading_and_quote(run: Call, handbook_index: Path) -> None:
    code, out, _ = run("ask", "Which plan offers SAML single sign-on?", "--index", handbook_index, "--trace")
    assert code == 0
    assert "[1]" in out
    assert "users.html › Users, roles and single sign-on › Single sign-on" in out
    assert "no language model was asked" in out
    assert "retrieve/bm25" in out


@pytest.mark.parametrize(
    ("least", "question", "is_shown"),
    [(1, "Which plan offers SAML single sign-on?", True), (0.2, "Who wrote War and Peace?", False)],
)
def test_an_abstention_says_where_it_might_stand(
    run: Call, handbook_index: Path, least: float, question: str, *, is_shown: bool
) -> None:
    setting = f"query.generate.min_confidence={least}"
    _, out, _ = run("ask", question, "--index", handbook_index, "--set", setting)
    assert ("what came nearest" in out, "users.html › Users" in out) == (is_shown, is_shown)


def test_retrieve_json(run: Call, handbook_index: Path) -> None:
    for retriever in ("dense", "bm25", "hybrid", "full"):
        code, out, _ = run(
            "retrieve",
            "scanner warranty",
            "-k",
            3,
            "--retriever",
            retriever,
            "--json",
            "--index",
            handbook_index,
        )
        hits = json.loads(out)["hits"]
        assert (code, len(hits)) == (0, 3)
        assert set(hits[0]) >= {"chunk_id", "document_id", "uri", "start", "end", "score", "text"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_is_never_printed_with_what_json_does_not_know(
    value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ragkit.RagkitError, match=r"a number that JSON does not know.*without --json"):
        print_json({"hits": [{"score": value}]})
    assert capsys.readouterr().out == ""


def test_ingest_and_status_json(run: Call, tmp_path: Path) -> None:
    index = tmp_path / "index"
    code, out, _ = run("ingest", CORPUS / "ru", "--index", index, "--json")
    report = json.loads(out)
    assert code == 0
    assert set(report) >= {
        "seen", "committed", "unchanged", "quarantined", "rejected", "deleted", "chunks", "embedded_chunks",
        "seconds", "documents",
    }  # fmt: skip
    assert report["seen"] == report["committed"] == 14
    code, out, _ = run("status", "--index", index, "--json")
    status = json.loads(out)
    assert code == 0
    assert (status["documents"], status["quarantined"], status["store"]) == (14, 0, "store/local")
    assert {"chunks", "tenants", "embedder", "format_version"} <= set(status)


def test_what_could_not_be_ingested_is_named(run: Call, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "good.md").write_text("# A page\n\nIt says something.\n", encoding="utf-8")
    (folder / "empty.txt").touch()
    code, out, _ = run("ingest", folder, "--index", tmp_path / "index")
    assert code == 0
    assert "2 seen: 1 committed" in out
    assert "empty.txt" in out
    assert "empty" in out


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("ask", "", "--index", "INDEX"), 1, "the question is empty"),
        (("ask", "x", "--index", "nowhere"), 1, "ragkit ingest"),
        (("ask", "x", "--index", "INDEX", "--filter", "{"), 2, "--filter is not JSON"),
        (("ask", "x", "--index", "INDEX", "--filter", '{"lnag": "ru"}'), 1, "lnag"),
        (("ask", "x", "--index", "INDEX", "--tenant", "acme"), 1, "tenant"),
        (("ask", "x", "--config", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("ask", "x", "--index", "INDEX", "--set", "query.fuse.kk=3"), 2, "Did you mean 'k'"),
        (("retrieve", "x", "-k", "0", "--index", "INDEX"), 1, "from 1 to"),
        (("source", "no/such.md", "--index", "INDEX"), 1, "no document 'no/such.md'"),
        (("ingest", "nowhere", "--index", "NEW"), 2, "nowhere"),
        (("source", "caf\udce9", "--index", "INDEX"), 1, "no document"),
        (("schema", "--output", "no/such/folder/x.json"), 1, "No such file or directory"),
        (("init", ".", "--force"), 2, "Name a file in it: rag.yaml"),
        (("ask", "x", "--index", ""), 2, "--index is empty"),
        (("ask", "x", "--config", ""), 2, "--config is empty"),
        (("ask", "x", "--index", "INDEX", "--filter", "[" * 100_000), 2, "--filter is not JSON"),
        (("ask", "x", "--index", "INDEX", "--set", "query.fuse.k=2024-01-01"), 2, "got 2024-01-01"),
        (("ask", "x", "--index", "INDEX", "--set", "query.fuse.k=1:30"), 2, "got 1:30"),
        (("ask", "x", "--index", "INDEX", "--set", "query.fuse.in=[&a [*a]]"), 2, "not valid YAML"),
        (("ask", "x", "--index", "no\x1b[31m"), 1, "no\\x1b[31m: no index here"),
        (("nonsense",), 2, "invalid choice"),
        (("ask",), 2, "required: question"),
    ],
)
def test_mistakes_end_in_a_message_and_a_code(
    run: Call, handbook_index: Path, tmp_path: Path, argv: tuple[str, ...], code: int, message: str
) -> None:
    places = {"INDEX": str(handbook_index), "NEW": str(tmp_path / "new")}
    got, out, err = run(*(places.get(a, a) for a in argv))
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


def test_init_check_graph_and_schema(run: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init")[0] == 0
    code, _, err = run("init")
    assert code == 2
    assert "--force" in err
    code, out, _ = run("check")
    assert code == 0
    assert "all checks passed" in out
    code, out, _ = run("check", "--json")
    assert json.loads(out)["checked"]["place"] == str(tmp_path / "index")
    code, out, _ = run("graph", "--format", "mermaid")
    assert code == 0
    assert "flowchart" in out
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/")


def test_every_mistake_of_a_config_is_reported_with_its_line(run: Call, tmp_path: Path) -> None:
    config = tmp_path / "rag.yaml"
    assert run("init", config)[0] == 0
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("budget_tokens: 1800", "budget_tokns: 1800").replace(
            "use: retrieve/bm25", "use: retrieve/bm52"
        ),
        encoding="utf-8",
    )
    code, _, err = run("check", "--config", config)
    assert code == 2
    lines = [
        n for n, line in enumerate(config.read_text().splitlines(), 1) if "tokns" in line or "bm52" in line
    ]
    for line in lines:
        assert f"rag.yaml:{line}:" in err
    assert "Did you mean 'budget_tokens'?" in err
    assert "Did you mean 'retrieve/bm25'?" in err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(run: Call, verb: str) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "Example: ragkit" in out
    assert "--json" in out


def test_debug_shows_the_traceback(run: Call, handbook_index: Path) -> None:
    with pytest.raises(ragkit.QueryError):
        main(["ask", "", "--index", str(handbook_index), "--debug"])


def test_the_installed_command_and_a_closed_pipe(handbook_index: Path) -> None:
    command = f"{sys.executable} -m ragkit retrieve warranty -k 40 --index {handbook_index} | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, env={**os.environ}, timeout=60
    )
    assert done.stdout.strip()
    assert done.stderr == ""


def test_a_value_of_set_is_read_as_the_setting_needs_it(run: Call) -> None:
    for value in ("collection.bm25.language=no", "query.fuse.weights={dense: 0, bm25: 1}"):
        code, _, err = run("graph", "--index", "unused", "--set", value)
        assert (code, err) == (0, "")


def test_a_wrong_value_of_set_is_not_shown(run: Call) -> None:
    code, _, err = run("graph", "--set", 'models.embed.api_key="sk-12345"x')
    assert code == 2
    assert "models.embed.api_key" in err
    assert "12345" not in err


@pytest.mark.parametrize("verb", [("ask", "x"), ("retrieve", "x"), ("source", "x"), ("status",)])
def test_reading_makes_no_index_whether_named_by_folder_or_by_config(
    run: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init")[0] == 0
    for place in ((), ("--config", "rag.yaml"), ("--index", "index")):
        code, out, err = run(*verb, *place)
        assert (code, out) == (1, "")
        assert "no index here" in err
    assert [path.name for path in tmp_path.iterdir()] == ["rag.yaml"]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_any_text_is_shown_on_any_terminal(tmp_path: Path, encoding: str, form: tuple[str, ...]) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "цены.md").write_text("Цена «Маяка» 900 ₽ 🙂.\n", encoding="utf-8")
    (docs / os.fsdecode(b"caf\xe9.md")).write_text("Not Unicode in its name.\n", encoding="utf-8")
    command = [sys.executable, "-m", "ragkit"]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    for verb in (("ingest", str(docs)), ("retrieve", "Цена Маяка")):
        done = subprocess.run(
            [*command, *verb, "--index", str(tmp_path / "index"), *form],
            capture_output=True, env=env, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        if form:
            assert json.loads(done.stdout.decode(encoding))


@pytest.mark.parametrize(
    ("argv", "mend"), [(["eval", "s.yaml"], "with --resume to go on"), (["schema"], "again to go on")]
)
def test_ctrl_c_says_how_to_go_on(
    run: Call, monkeypatch: pytest.MonkeyPatch, argv: list[str], mend: str
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"ragkit.cli.{argv[0]}.run", interrupted)
    code, _, err = run(*argv)
    assert code == 130
    assert mend in err
