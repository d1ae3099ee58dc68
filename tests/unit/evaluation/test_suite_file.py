"""A suite is read whole: what it says, or every mistake in it with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.evaluation.suite_file import load_suite, with_pipelines

WHOLE = """
name: nightly
data:
  - sets/scifact.yaml
  - {folder: mine, split: dev, sample: 20, name: own, metrics: [RR@10]}
pipelines:
  default:
  words: {retriever: bm25, answers: false, gate: false}
  shallow: {set: {query.fuse.k: 5}, depth: 50}
metrics: [nDCG@10, R@10]
baseline: words
fail_if:
  nDCG@10: [drop > 0.01 significant, "< 0.5"]
  errors: "> 0"
seed: 7
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, WHOLE))
    assert (suite.name, suite.seed, suite.metrics) == ("nightly", 7, ("nDCG@10", "R@10"))
    assert [source.path for source in suite.data] == [tmp_path / "sets/scifact.yaml", tmp_path / "mine"]
    assert (suite.data[1].sample, suite.data[1].metrics) == (20, ("RR@10",))
    assert list(suite.pipelines) == ["default", "words", "shallow"]
    assert suite.pipelines["shallow"].config.describe()["query"]["fuse"]["k"] == 5  # type: ignore[index, call-overload]
    assert suite.reference == "words"
    assert [rule.written for rule in suite.rules] == ["drop > 0.01 significant", "< 0.5", "> 0"]


def test_the_embedded_default_is_the_pipeline_where_none_is_named(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, "data: [mine]"))
    assert (suite.name, list(suite.pipelines), suite.reference) == ("suite", ["default"], "default")


def test_a_baseline_may_be_a_file(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, "data: [mine]\nbaseline: ../old.json"))
    assert suite.baseline_file == tmp_path.parent / "old.json"


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """name: bad
data:
  - {folder: x, sampel: 3}
  - {manifest: a.yaml, folder: b}
pipelines:
  default:
  tuned: {set: {query.fuse.kk: 3}}
  "a b":
metric: [nDCG@10]
baseline: defalt
fail_if:
  nDCG@10: drop by 0.1
  nDCG@1: "< 0.3"
seed: -1
""",
    )
    with pytest.raises(ConfigError) as told:
        load_suite(path)
    problems = "\n".join(told.value.problems)
    for line, words in (
        (3, "sampel: unknown key"),
        (4, "either manifest or folder"),
        (7, "pipelines.tuned: set query.fuse.kk: unknown key"),
        (8, "cannot name a pipeline"),
        (9, "Did you mean 'metrics'?"),
        (10, "Did you mean 'default'?"),
        (12, "'drop by 0.1' is no rule"),
        (13, "is not measured"),
        (14, "seed: expected a number >= 0, got -1"),
    ):
        assert any(p.startswith(f"{path}:{line}: ") and words in p for p in told.value.problems), problems


def test_a_rule_that_compares_needs_something_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"suite.yaml:2: fail_if.nDCG@10: .* needs a baseline"):
        load_suite(written(tmp_path, "data: [mine]\nfail_if: {nDCG@10: drop > 0.1}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping with the keys"),
        ("- a", "expected a mapping with the keys"),
        ("name: x", "data: required and missing"),
        ("data: []", "expected a list of manifests and folders"),
        ("data: [a]\nmetrics: []", "metrics"),
        ("data: [a]\nmetrics: [nDGC@10]", "suite.yaml:2: metrics.0.: .*Did you mean 'nDCG"),
        ("data: [a]\npipelines: {}", "expected a mapping of names to pipelines"),
        ("data: [a]\npipelines: {x: nowhere.yaml}", "nowhere.yaml: no such file"),
        ("data: [a]\nname: ../x", "name"),
    ],
)
def test_bad_suites_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_suite(written(tmp_path, text))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_suite("nowhere/suite.yaml")


def test_pipelines_of_the_command_line_are_added_by_the_names_of_their_files(tmp_path: Path) -> None:
    from ragkit.config.defaults import default_text

    (tmp_path / "b.yaml").write_text(default_text(), encoding="utf-8")
    suite = load_suite(written(tmp_path, "data: [mine]"))
    assert list(with_pipelines(suite, [tmp_path / "b.yaml"]).pipelines) == ["default", "b"]
    with pytest.raises(ConfigError, match="two pipelines would be called 'b'"):
        with_pipelines(suite, [tmp_path / "b.yaml", tmp_path / "." / "b.yaml"])


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        (
            "name: mine\nquestions: ./q.jsonl\ndocuments: ./docs\nlicence: mine\n",
            r"`data: \[.*suite\.yaml\]`",
        ),
        ("ragkit: 1\nmodels: {}\n", r"ragkit eval SUITE --pipeline .*suite\.yaml$"),
    ],
)
def test_a_file_of_another_kind_is_told_apart(tmp_path: Path, text: str, mend: str) -> None:
    with pytest.raises(ConfigError, match=mend) as caught:
        load_suite(written(tmp_path, text))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "model", ['{use: llm/openai, base_url: "${NO_SUCH_URL}", model: m}', "{use: llm/opena}"]
)
def test_a_mistaken_model_of_a_judge_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    text = f"data: [mine]\nmodels:\n  large: {model}\njudges: {{right: {{model: large, rubric: correct}}}}\n"
    with pytest.raises(ConfigError) as caught:
        load_suite(written(tmp_path, f"{text}metrics: [judge.right]\n"))
    assert len(caught.value.problems) == 1, caught.value.problems
