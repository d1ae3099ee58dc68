"""`ragkit search-config` over a real graph and a small judged collection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.cli import main
from ragkit.config.load import load_config

RAG = """ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed, bm25: {language: en}}
query:
  sparse: {use: retrieve/bm25, in: question, k: 20}
  fuse: {use: fuse/rrf, k: 3}
  dedupe: {use: compress/dedupe}
  generate: {use: generate/extractive}
"""
SPACE = """objective: max nDCG@10, min context.tokens
race: {first: 10}
space:
  query.fuse.k: [1, 3]
  query.dedupe: [keep, remove]
  query.sparse: [keep, remove]
"""
WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "glacier", "heath", "iris", "jade")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rag.yaml").write_text(RAG)
    Path("space.yaml").write_text(SPACE)
    pairs = [(a, b) for a in WORDS[:6] for b in WORDS[6:]]
    data = Path("data")
    (data / "qrels").mkdir(parents=True)
    rows = [
        {"_id": f"d{n}", "title": a, "text": f"The {a} stands beside the {b}. Nothing else is known of it."}
        for n, (a, b) in enumerate(pairs)
    ]
    (data / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": f"q{n}", "text": f"What stands beside the {b}, {a}?"} for n, (a, b) in enumerate(pairs)]
    asked += [{"_id": f"r{n}", "text": f"{b} {a}"} for n, (a, b) in enumerate(pairs)]
    (data / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    lines = [f"{row['_id']}\td{row['_id'][1:]}\t1\n" for row in asked]
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines))
    return tmp_path


def test_a_search_writes_what_it_found(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["search-config", "rag.yaml", "space.yaml", "--data", "data", "--budget", "none", "--json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["combinations"] == 8
    assert len(said["configurations"]) == 4
    assert {refused["label"].split()[-1] for refused in said["refused"]} == {"sparse=remove"}
    assert said["front"][0]["held_out"]["nDCG@10"]["n"] == said["questions"]["held_out"]
    folder = files / "runs" / "search-space"
    assert {"best.yaml", "front.svg", "journal.jsonl", "report.html", "search.json"} <= {
        path.name for path in folder.iterdir()
    }
    best = (folder / "best.yaml").read_text()
    assert best.startswith("# Found by ragkit search-config from rag.yaml")
    (files / "best.yaml").write_text(best)
    assert load_config(files / "best.yaml").graph.output == "generate"
    # Again: all of it is known, and the same comes out.
    first = (folder / "search.json").read_bytes()
    assert main(arguments[:-1]) == 0
    assert (folder / "search.json").read_bytes() == first
    assert "configurations were tried on" in capsys.readouterr().out


def test_a_configuration_that_cannot_index_the_data_does_not_end_the_search(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "{use: store/local, path: ./index}"
    server = "{use: store/qdrant, url: 'http://127.0.0.1:9', collection: x}"
    Path("space.yaml").write_text(
        f"race: {{first: 10}}\nspace: {{stores.local: {{one_of: {{own: {own}, server: {server}}}}}}}\n"
    )
    given = ["--data", "data", "--budget", "none", "--objective", "max nDCG@10", "--json"]
    assert main(["search-config", "rag.yaml", "space.yaml", *given]) == 0
    found = {row["label"]: row for row in json.loads(capsys.readouterr().out)["configurations"]}
    assert found["stores.local=server"]["fate"] == "failing"
    assert "a dataset is indexed into the embedded store only" in found["stores.local=server"]["why"]


def test_no_secret_is_written_to_the_best_configuration(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = "{use: llm/openai, base_url: 'https://host/v1', model: m, api_key: sk-12345}"
    Path("rag.yaml").write_text(
        RAG.replace("{embed: {use: embed/bundled}}", f"{{embed: {{use: embed/bundled}}, small: {small}}}")
    )
    assert main(["search-config", "rag.yaml", "space.yaml", "--data", "data", "--budget", "none"]) == 0
    written = [path.read_text() for path in (files / "runs/search-space").iterdir() if path.is_file()]
    assert not any("sk-12345" in text for text in written)
    monkeypatch.setenv("MODELS_SMALL_API_KEY", "sk-12345")
    load_config(files / "runs/search-space/best.yaml")


def test_time_is_measured_where_it_is_searched_for(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("space.yaml").write_text("race: {first: 10}\nspace: {query.fuse.k: [1, 3]}\n")
    objective = "max nDCG@10, min latency.p50"
    arguments = ["search-config", "rag.yaml", "space.yaml", "--data", "data", "--budget", "none"]
    assert main([*arguments, "--objective", objective, "--json"]) == 0
    front = json.loads(capsys.readouterr().out)["front"]
    assert all(row["held_out"]["latency.p50"]["mean"] > 0 for row in front)


def test_a_file_of_questions_is_asked_over_its_documents(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("docs").mkdir()
    Path("docs", "harbour.md").write_text("# Harbour\n\nThe harbour was built in 1902 by the masons.\n")
    rows = [{"text": f"When was harbour {n} built?", "documents": ["harbour.md"]} for n in range(30)]
    Path("questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("space.yaml").write_text("race: {first: 10}\nheld_out: 0.4\nspace: {query.fuse.k: [1, 3]}\n")
    data = ["--data", "questions.jsonl", "--documents", "docs"]
    objective = ["--objective", "max RR@10", "--budget", "none"]
    assert main(["search-config", "rag.yaml", "space.yaml", *data, *objective]) == 0
    assert "Nothing was found that is better than the configuration as it was." in capsys.readouterr().out


def test_a_dry_run_refuses_a_measure_that_is_none(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objective = ["--objective", "max nDGC@10"]
    assert main(["search-config", "rag.yaml", "space.yaml", "--data", "data", "--dry-run", *objective]) != 0
    assert "Did you mean 'nDCG'?" in capsys.readouterr().err


def test_a_dry_run_counts_and_runs_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search-config", "rag.yaml", "space.yaml", "--data", "data", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("8 combinations: 4 configurations with the one as it is, 4 that cannot be")
    assert "4 cannot be: query.fuse: needs Rankings" in out
    assert "such as fuse.k=1 dedupe=keep sparse=remove" in out
    assert not (files / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--objective", "max nDCG"], 1, "nDCG"),
        (["--objective", "max F1"], 1, "answers"),
        (["--objective", "max abstention.F1"], 1, "a race needs a value for each question"),
        (["--objective", "fast"], 2, "expected max or min and a measure"),
        (["--budget", "much"], 2, "expected a share of the whole grid"),
        (["--budget", "50"], 2, "a budget of 50 stage runs"),
        (["--objective", ""], 2, "expected max or min and a measure"),
        (["--seed", "-1"], 2, "--seed -1: expected 0 or more"),
        (["--out", "data"], 1, "data: is there already and is no search"),
        (["--data", "nowhere"], 1, "nowhere: no such manifest or folder"),
        (["--data", "rag.txt"], 1, "no such manifest or folder"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, problem: str
) -> None:
    given = ["search-config", "rag.yaml", "space.yaml", "--data", "data", *arguments]
    if "nDCG" in arguments[-1]:
        given[-1] = "max nDCX@10"
        problem = "nDCX"
    assert main(given) == code
    assert problem in capsys.readouterr().err
    assert not (files / "runs" / ".cache").exists()


def test_the_example_space_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parents[3] / "examples" / "search"
    arguments = [str(folder / "rag.yaml"), str(folder / "space.yaml"), "--data", "x", "--dry-run"]
    assert main(["search-config", *arguments]) == 0
    assert capsys.readouterr().out.startswith("32 combinations: 33 configurations")
