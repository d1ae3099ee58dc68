"""Questions that are asked on a cluster have the outcomes of those that are asked here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli import main
from ragkit.config.load import load_config
from ragkit.errors import ClusterError, EvalError
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.runner.journal import OUTCOMES, PART
from ragkit.evaluation.runner.pipeline import Pipeline
from ragkit.evaluation.runner.run import PipelineRun, run_pipeline
from ragkit_connectors.ray import OnRay
from tests.connectors.ray.bench import config, documents
from tests.connectors.ray.plugin import FAILS_EMBEDDER, KILLS_EMBEDDER

pytestmark = pytest.mark.usefixtures("cluster")
TWO = OnRay(workers=2)
N = 30


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    folder = tmp_path / "data"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": d.id, "text": d.text} for d in documents(N)]
    asked = [
        {"_id": f"q{i}", "text": f"What does report {i} say of the machine? Станок {i}?"} for i in range(N)
    ]
    for name, lines in (("corpus", rows), ("queries", asked)):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    judged = "".join(f"q{i}\td{i:04}\t1\n" for i in range(N))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return load_dataset(folder)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline("mine", config=load_config(config(tmp_path)))


def run(pipeline: Pipeline, dataset: Dataset, folder: Path, **options: Any) -> PipelineRun:
    return run_pipeline(
        pipeline, dataset, folder=folder, cache=folder.parent / "cache", **{"timing_n": 0, **options}
    )


def test_the_outcomes_are_the_same_byte_for_byte_and_a_broken_run_goes_on(
    pipeline: Pipeline, dataset: Dataset, tmp_path: Path
) -> None:
    here = run(pipeline, dataset, tmp_path / "here", stage_cache=False)
    there = run(pipeline, dataset, tmp_path / "there", on=TWO, stage_cache=False)
    assert there.outcomes == here.outcomes
    assert there.stage_runs == here.stage_runs
    whole = (tmp_path / "here" / OUTCOMES).read_bytes()
    assert (tmp_path / "there" / OUTCOMES).read_bytes() == whole
    assert not there.failed
    # As a kill leaves it: some lines, and half of one.
    lines = whole.splitlines(keepends=True)
    (tmp_path / "there" / OUTCOMES).unlink()
    (tmp_path / "there" / PART).write_bytes(b"".join(lines[20:]) + lines[0][:40])
    resumed = run(pipeline, dataset, tmp_path / "there", on=TWO, resume=True)
    assert resumed.resumed == N - 20
    assert (tmp_path / "there" / OUTCOMES).read_bytes() == whole


def asked(dataset: Dataset, *words: str) -> Dataset:
    """The dataset with words behind its questions, one after the other and then again."""
    questions = {
        id_: replace(q, text=f"{q.text} {words[n % len(words)]}")
        for n, (id_, q) in enumerate(dataset.questions.items())
    }
    return replace(dataset, questions=questions)


def test_a_question_that_kills_its_workers_has_that_as_its_error(
    pipeline: Pipeline, dataset: Dataset, tmp_path: Path
) -> None:
    deadly = asked(dataset, "a", KILLS_EMBEDDER, "c")
    found = run(
        pipeline,
        deadly,
        tmp_path / "run",
        on=OnRay(workers=1),
        questions=["q0", "q1", "q2"],
        max_error_rate=0.5,
    )
    assert list(found.failed) == ["q1"]
    assert "WorkerDiedError: each of 3 workers that were asked it died" in found.failed["q1"]
    assert found.outcomes["q0"].ranked
    assert found.outcomes["q2"].ranked


def test_a_suite_from_the_command_line_has_the_same_figures(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config(tmp_path)
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "data: [./data]\npipelines: {mine: ./rag.yaml, words: {config: ./rag.yaml, retriever: bm25}}\n"
        "metrics: [nDCG@10, R@10]\ntiming_n: 0\n"
    )
    found = []
    for place in (["--on", "ray", "--workers", "2"], []):
        # Beside runs of their own, for what was answered once is not asked again.
        out = tmp_path / ("there" if place else "here") / "run"
        assert main(["eval", str(suite), "--out", str(out), "--json", *place]) == 0
        report = json.loads(capsys.readouterr().out)
        found.append(
            (report["metrics"] if "metrics" in report else report["results"], report.get("comparisons"))
        )
    assert found[0] == found[1]


def test_too_many_failures_end_it_and_an_index_that_is_not_there_is_told(
    pipeline: Pipeline, dataset: Dataset, tmp_path: Path
) -> None:
    broken = asked(dataset, "a", FAILS_EMBEDDER)
    with pytest.raises(EvalError, match=r"questions failed, more than the 10% that may"):
        run(pipeline, broken, tmp_path / "run", on=TWO)

    class Elsewhere(OnRay):
        """Nodes that do not have this machine's disk."""

        def ask(self, told: Any, questions: Any, take: Any) -> None:
            super().ask({**told, "folder": "/nowhere/index"}, questions, take)

    with pytest.raises(ClusterError, match=r"/nowhere/index is not there: .*that all nodes share"):
        run(pipeline, dataset, tmp_path / "other", on=Elsewhere(workers=1))
