"""Manifests: what they say of a dataset, and what is said of data that is another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ragkit.errors import EvalError
from ragkit.evaluation.manifest import counts_of, load_manifest, read_manifest
from tests.conftest import ROOT

MANIFESTS = sorted((ROOT / "evals/datasets").glob("*.yaml"))
BESIDE = [path for path in MANIFESTS if "\ndocuments:" in path.read_text(encoding="utf-8")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data/mine"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "One."}\n{"_id": "d2", "text": "Two."}\n')
    (folder / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "Which?", "metadata": {"lang": "en"}}\n{"_id": "q2", "text": "Was?"}\n'
    )
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    (folder / "qrels/dev.tsv").write_text("query-id\tcorpus-id\tscore\nq2\td2\t1\n")
    return tmp_path / "data"


def manifest(place: Path, **said: object) -> Path:
    path = place / "mine.yaml"
    stated = {"name": "Mine", "folder": "mine", "licence": "CC0", "source": "https://example.org/mine"}
    path.write_text(yaml.safe_dump({**stated, **said}), encoding="utf-8")
    return path


def test_a_dataset_is_found_in_the_data_folder(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load_manifest(manifest(tmp_path), data=data)
    assert (found.name, found.split, list(found.judged)) == ("Mine", "test", ["q1"])
    monkeypatch.setenv("RAGKIT_DATA", str(data))
    assert load_manifest(manifest(tmp_path)).checksum() == found.checksum()


def test_a_path_with_a_dot_begins_at_the_manifest(tmp_path: Path, data: Path) -> None:
    assert list(load_manifest(manifest(tmp_path, folder="./data/mine")).judged) == ["q1"]


def test_a_path_that_was_meant_to_begin_at_the_manifest_is_told_how_to(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGKIT_DATA", raising=False)
    (tmp_path / "yours").mkdir()
    path = manifest(tmp_path, folder="yours")
    with pytest.raises(
        EvalError, match=r"--data FOLDER .* If you mean the one beside .* write '\./yours'\. It"
    ):
        load_manifest(path)
    with pytest.raises(EvalError, match=r"no 'yours' in .*data\. If you mean .* write '\./yours'\. It comes"):
        load_manifest(path, data=data)


def test_the_corpus_may_be_that_of_another_folder(tmp_path: Path, data: Path) -> None:
    (data / "other").mkdir()
    (data / "other/corpus.jsonl").write_text('{"_id": "d1", "text": "Uno."}\n')
    found = load_manifest(manifest(tmp_path, corpus="other"), data=data)
    assert [document.text for document in found.documents()] == ["Uno."]


def test_questions_can_be_chosen_by_their_metadata(tmp_path: Path, data: Path) -> None:
    assert list(load_manifest(manifest(tmp_path, where={"lang": "en"}), data=data).questions) == ["q1"]


def test_right_checksum_and_counts_pass_and_another_split_is_not_compared(tmp_path: Path, data: Path) -> None:
    found = load_manifest(manifest(tmp_path), data=data)
    path = manifest(tmp_path, checksum=found.checksum(), counts=dict(counts_of(found)))
    assert load_manifest(path, data=data).checksum() == found.checksum()
    assert list(load_manifest(path, data=data, split="dev").judged) == ["q2"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"checksum": "0" * 64}, r"the counts are the same, the content is not; checksum [0-9a-f]{64}"),
        (
            {"counts": {"documents": 3}},
            r"mine\.yaml: the data is not what it describes \(documents: 2, expected 3; checksum",
        ),
        ({"counts": {"judged": 9, "questions": 2}}, r"\(judged: 1, expected 9; .*get it again from https"),
        ({"folder": "yours"}, r"there is no 'yours' in .*data\. It comes from https://example\.org/mine"),
        ({"where": {"lang": "de"}}, r"no question is lang = de"),
        ({"layout": "squat"}, r"layout: 'squat' is none\. Did you mean 'squad'"),
        ({"folders": "mine"}, r"folders: unknown setting.*Did you mean 'folder'"),
        ({"checksum": "abc"}, r"checksum: String should match pattern"),
        ({"counts": {"pages": 1}}, r"counts\.pages"),
        ({"folder": None}, r"expected one of `folder:` \(BEIR layout\), `questions:` with `documents:`"),
        ({"questions": "x"}, r"expected one of `folder:`"),
        ({"split": "train"}, r"has no qrels/train\.tsv\. There is: dev, test"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(
    tmp_path: Path, data: Path, said: dict[str, object], message: str
) -> None:
    with pytest.raises(EvalError, match=message):
        load_manifest(manifest(tmp_path, **said), data=data)


def test_a_split_is_of_a_folder_alone(tmp_path: Path) -> None:
    path = manifest(tmp_path, folder=None, questions="./q.jsonl", documents="./docs")
    with pytest.raises(EvalError, match=r"split 'dev': only a `folder:` has judgements by split"):
        load_manifest(path, split="dev")


@pytest.mark.parametrize("name", ["..", ".", "../mine", "-rf", "a/b", "a" * 65])
def test_a_name_that_is_no_folder_of_a_run_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvalError, match="name"):
        read_manifest(manifest(tmp_path, name=name))


def test_data_of_an_unknown_place_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGKIT_DATA", raising=False)
    with pytest.raises(EvalError, match=r"where is 'mine'\? .*--data FOLDER or RAGKIT_DATA=FOLDER"):
        load_manifest(manifest(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [("- a", "expected `name:`"), ("a: [", "cannot be read as YAML"), (None, "no such manifest")],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "m.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EvalError, match=message):
        load_manifest(path)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_our_manifests_are_complete(path: Path) -> None:
    said = read_manifest(path)
    assert said.name == path.stem
    assert said.checksum
    assert {"documents", "questions", "judged"} <= set(said.counts)
    assert said.languages
    assert said.description


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_our_manifests_of_the_example_handbook_hold(path: Path) -> None:
    found = load_manifest(path)
    assert counts_of(found) == {"evidence": len(found.judged), **read_manifest(path).counts}


def test_the_example_handbook_has_the_evidence_of_its_questions() -> None:
    found = load_manifest(ROOT / "evals/datasets/handbook.yaml")
    rows = (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows):
        quotes = [
            place.span.of(found.texts().document(place.document_id) or "")
            for place in found.questions[row["_id"]].evidence
        ]
        assert quotes == [place["quote"] for place in row["evidence"]]
