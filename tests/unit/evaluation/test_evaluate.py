"""A suite from its file to its folder, with the shipped default over a few documents."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main
from ragkit.errors import ConfigError, EvalError
from ragkit.evaluation.baseline import read_baseline
from ragkit.evaluation.compare_runs import compare_runs, named_runs
from ragkit.evaluation.folder import load_report
from ragkit.evaluation.metrics.own import metric
from ragkit.evaluation.suite_file import load_suite
from ragkit.evaluation.trec import read_run

FACTS = {
    "warranty": "The warranty lasts two years.",
    "returns": "Goods can be sent back within thirty days.",
    "port": "The server listens on port 7420.",
    "backup": "A backup is made every night at three.",
    "licence": "An expired licence works for 21 more days.",
    "city": "The devices are assembled in Brno.",
}
QUESTIONS = {
    "warranty": "How long does the warranty last?",
    "returns": "Within how many days can goods be sent back?",
    "port": "On which port does the server listen?",
    "backup": "When is a backup made?",
    "licence": "How long does an expired licence work?",
    "city": "Where are the devices assembled?",
}
SUITE = """
name: small
data: [set]
pipelines:
  default:
  words: {retriever: bm25, gate: false}
metrics: [nDCG@10, R@10, citation.valid]
timing_n: 3
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset, a suite, and a run of it under `runs/first`."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "set" / "qrels").mkdir(parents=True)
    lines = (json.dumps({"_id": id_, "title": "", "text": text}) for id_, text in FACTS.items())
    (folder / "set" / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = (json.dumps({"_id": f"q-{id_}", "text": text}) for id_, text in QUESTIONS.items())
    (folder / "set" / "queries.jsonl").write_text("\n".join(rows), encoding="utf-8")
    qrels = "".join(f"q-{id_}\t{id_}\t1\n" for id_ in FACTS)
    (folder / "set" / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}")
    (folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
    ragkit.evaluate(folder / "suite.yaml", out=folder / "runs" / "first", progress=False)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "timings" not in path.name and path.suffix not in (".html", ".lock")
    }


def test_what_the_cache_spared_is_told_and_kept_with_the_times(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = json.loads((home / "runs" / "first" / "timings.json").read_text())["results"][1]
    assert first["stage_runs"]["sparse"] == {"executed": len(FACTS), "cached": 0}
    assert main(["eval", str(home / "suite.yaml"), "--out", str(home / "runs" / "cached")]) == 0
    assert "stage values from the cache: default 42 of 42, words 12 of 12" in capsys.readouterr().out
    again = load_report(home / "runs" / "cached").results[1].stage_runs["sparse"]
    assert (again.executed, again.cached) == (0, len(FACTS))


def test_the_folder_holds_all_that_is_promised(home: Path) -> None:
    run = home / "runs" / "first"
    assert {path.name for path in run.iterdir()} == {
        "suite.json", "report.json", "report.md", "report.html", "junit.xml", "per_query.jsonl",
        "per_query.csv", "timings.json", "set",
    }  # fmt: skip
    of_pipeline = {path.name for path in (run / "set" / "default").iterdir()}
    assert {"outcomes.jsonl", "run.trec", "timings.jsonl"} <= of_pipeline
    report = json.loads((run / "report.json").read_text())
    assert set(report["metrics"]["nDCG@10"]) == {"mean", "low", "high", "n", "failed"}
    assert report["metrics"]["nDCG@10"]["n"] == 6
    assert list(read_run(run / "set/default/run.trec").scores) == [f"q-{id_}" for id_ in QUESTIONS]


def test_a_report_comes_back_from_its_folder_as_it_was(home: Path) -> None:
    report = ragkit.evaluate(home / "suite.yaml", out=home / "runs" / "again", progress=False)
    assert load_report(home / "runs" / "again") == report
    assert [(r.pipeline, r.figures["nDCG@10"].n) for r in report.results] == [("default", 6), ("words", 6)]
    assert report.results[0].figures["latency.p50"].n == 3


def test_a_repeated_run_writes_the_same_bytes(home: Path) -> None:
    shutil.rmtree(home / "runs" / ".cache")
    ragkit.evaluate(home / "suite.yaml", out=home / "runs" / "repeated", progress=False)
    first, second = contents(home / "runs" / "first"), contents(home / "runs" / "repeated")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_folder_that_holds_a_run_is_gone_on_with_or_left_alone(home: Path) -> None:
    run = home / "runs" / "first"
    with pytest.raises(EvalError, match="holds a run already"):
        ragkit.evaluate(home / "suite.yaml", out=run, progress=False)
    before = contents(run)
    (run / "report.json").unlink()
    with pytest.raises(EvalError, match="did not come to its end"):
        load_report(run)
    ragkit.evaluate(home / "suite.yaml", out=run, resume=True, progress=False)
    assert contents(run) == before


def test_runs_are_numbered_where_no_folder_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    named = [ragkit.evaluate("suite.yaml", progress=False).folder for _ in range(2)]
    assert named == [Path("runs/small"), Path("runs/small-2")]
    assert ragkit.evaluate("suite.yaml", resume=True, progress=False).folder == Path("runs/small-2")


def test_a_baseline_is_saved_and_held_against(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "gated.yaml").write_text(
        SUITE + "baseline: base.json\nfail_if: {nDCG@10: drop > 0.01 significant, errors: '> 0'}\n"
    )
    with pytest.raises(EvalError, match=r"base.json: no such file.*--save-baseline"):
        ragkit.evaluate(home / "gated.yaml", out=home / "runs" / "no", progress=False)
    saved = ["eval", str(home / "gated.yaml"), "--save-baseline", str(home / "base.json")]
    assert main([*saved, "--out", str(home / "runs" / "saved")]) == 0
    assert read_baseline(home / "base.json").result("set", "words").means["nDCG@10"] > 0.9
    assert main(["eval", str(home / "gated.yaml"), "--out", str(home / "runs" / "gated")]) == 0
    assert "the gate holds" in capsys.readouterr().out


def test_a_gate_that_does_not_hold_ends_with_3(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "strict.yaml").write_text(SUITE + "fail_if: {nDCG@10: '<= 1.0'}\n")
    code = main(["eval", str(home / "strict.yaml"), "--out", str(home / "runs" / "strict"), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert code == 3
    assert not printed["holds"]
    assert [check["pipeline"] for check in printed["gate"]] == ["default"]
    assert printed["folder"] == str(home / "runs" / "strict")


def test_a_measure_of_ones_own_is_measured(home: Path) -> None:
    @metric("words.of.reply", needs={"reply"})
    def words(case):  # type: ignore[no-untyped-def]
        return len(case.outcome.reply.text.split())

    suite = replace(load_suite(home / "suite.yaml"), metrics=(words,), timing_n=0)
    report = ragkit.evaluate(suite, out=home / "runs" / "own", progress=False)
    assert report.results[0].figures["words.of.reply"].mean > 1
    assert "words.of.reply" not in report.results[1].figures


def test_a_sample_is_asked_and_told(home: Path) -> None:
    suite = load_suite(home / "suite.yaml")
    suite = replace(suite, data=(replace(suite.data[0], sample=3),), timing_n=0)
    report = ragkit.evaluate(suite, out=home / "runs" / "sample", progress=False)
    assert list(report.results[0].outcomes) == ["q-warranty", "q-port", "q-licence"]
    assert "3 questions (a sample of 3)" in (home / "runs/sample/report.md").read_text()


def test_further_pipelines_come_from_files(home: Path) -> None:
    main(["init", str(home / "other.yaml")])
    report = ragkit.evaluate(
        home / "suite.yaml", out=home / "runs" / "more", pipelines=[home / "other.yaml"], progress=False
    )
    assert [result.pipeline for result in report.results] == ["default", "words", "other"]
    assert [contrast.system for contrast in report.comparisons["set"].contrasts][:2] == ["words", "other"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("metrics: [EM]", "measure 'EM' needs accepted answers: dataset 'set' has none"),
        ("data: [nowhere]", "nowhere: no such folder"),
        ("data: [{folder: set, name: report.md}]", "beside a file of the run, report.md. Rename it"),
        ("pipelines: {A: {retriever: bm25}, a: {retriever: bm25}}", "'a' cannot have a folder .* beside 'A'"),
        ("data: [set, set]", "two datasets are called 'set'"),
        ("data: [{folder: set, split: tset}]", "Did you mean 'test'"),
        ("pipelines: {words: {retriever: bm25}}\nmetrics: [citation.valid]", "the pipeline only retrieves"),
        ("pipelines: {words: {retriever: bm25, answers: true}}", "ranks and gives no answers"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(home: Path, change: str, message: str) -> None:
    keys = {line.partition(":")[0] for line in change.splitlines()}
    kept = [f"data: [{home / 'set'}]", "metrics: [nDCG@10]", "pipelines: {words: {retriever: bm25}}"]
    lines = [line for line in kept if line.partition(":")[0] not in keys]
    (home / "bad.yaml").write_text("\n".join([*lines, change]))
    with pytest.raises((EvalError, ConfigError), match=message):
        ragkit.evaluate(home / "bad.yaml", out=home / "runs" / "bad", progress=False)
    assert not (home / "runs" / "bad").exists()


def test_all_problems_of_the_data_are_told_at_once(home: Path) -> None:
    (home / "bad.yaml").write_text("data: [nowhere, nothere]\nmetrics: [EM]")
    with pytest.raises(EvalError, match=r"nowhere: no such folder(.|\n)*nothere: no such folder"):
        ragkit.evaluate(home / "bad.yaml", progress=False)


def test_judgements_of_unknown_documents_are_refused(home: Path) -> None:
    shutil.copytree(home / "set", home / "wrong")
    with (home / "wrong" / "qrels" / "test.tsv").open("a") as qrels:
        qrels.write("q-port\tghost\t1\n")
    suite = replace(load_suite(home / "suite.yaml"), data=())
    data = replace(load_suite(home / "suite.yaml").data[0], path=home / "wrong")
    with pytest.raises(EvalError, match=r"judges 'ghost', which is not in corpus[.]jsonl"):
        ragkit.evaluate(replace(suite, data=(data,)), out=home / "runs" / "wrong", progress=False)


def test_a_folder_of_manifests_is_refused_with_their_names(home: Path) -> None:
    (home / "sets").mkdir()
    (home / "sets" / "dev.yaml").write_text("name: dev")
    suite = load_suite(home / "suite.yaml")
    suite = replace(suite, data=(replace(suite.data[0], path=home / "sets"),))
    with pytest.raises(EvalError, match=r"has no corpus.jsonl, and the manifests dev.yaml: name one"):
        ragkit.evaluate(suite, out=home / "runs" / "sets", progress=False)


def test_a_pipeline_answers_only_where_a_measure_needs_it(home: Path) -> None:
    shutil.copytree(home / "set", home / "again")
    suite = load_suite(home / "suite.yaml")
    ranked = replace(suite.data[0], path=home / "again", metrics=("nDCG@10",))
    suite = replace(suite, data=(*suite.data, ranked), timing_n=0)
    report = ragkit.evaluate(suite, out=home / "runs" / "mixed", progress=False)
    first, second = report.result("set", "default"), report.result("again", "default")
    assert first is not None
    assert second is not None
    assert all(outcome.reply is not None for outcome in first.outcomes.values())
    assert all(outcome.reply is None for outcome in second.outcomes.values())


def test_two_runs_are_compared_question_by_question(home: Path) -> None:
    suite = load_suite(home / "suite.yaml")
    dense = {"words": replace(suite.pipelines["words"], retriever="dense")}
    suite = replace(suite, pipelines=dense, metrics=("nDCG@10",))
    after = ragkit.evaluate(suite, out=home / "runs" / "dense", progress=False)
    pairs = compare_runs(load_report(home / "runs" / "first"), after, names=("first", "dense"))
    assert [(pair.before.pipeline, pair.after.pipeline) for pair in pairs] == [("first/words", "dense/words")]
    assert pairs[0].comparison.contrast("nDCG@10", "dense/words").difference.n == 6


def test_runs_on_other_versions_of_a_dataset_are_not_compared(home: Path) -> None:
    report = load_report(home / "runs" / "first")
    facts = {**report.facts, "datasets": {"set": {"checksum": "0" * 64}}}
    with pytest.raises(EvalError, match="new was run on another version of the dataset than old"):
        compare_runs(report, replace(report, facts=facts), names=("old", "new"))


def test_compare_prints_and_writes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = str(home / "runs" / "first"), str(home / "runs" / "again")
    assert main(["compare", a, b, "--html", str(home / "c.html")]) == 0
    assert "again/default against first/default, 6 questions" in capsys.readouterr().out
    assert (home / "c.html").read_text().startswith("<!doctype html>")
    assert main(["compare", a, b, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["changes"]["nDCG@10"] == []


def test_compare_refuses_what_is_no_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(home), str(home / "set")]) == 1
    assert "is no folder of a run" in capsys.readouterr().err


def test_runs_are_called_by_as_much_of_their_paths_as_it_takes() -> None:
    assert named_runs(Path("runs/a"), Path("runs/b")) == ("a", "b")
    assert named_runs(Path("old/runs/a"), Path("new/runs/a")) == ("old/runs/a", "new/runs/a")
