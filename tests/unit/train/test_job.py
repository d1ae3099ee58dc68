"""A whole training on a small collection, from a small model of random weights."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ragkit
from ragkit.cli import main
from ragkit.config.defaults import default_config
from ragkit.errors import ConfigError, ModelError
from ragkit.models.bundled_reranker import BundledReranker
from ragkit.models.cross_encoder import OnnxReranker
from ragkit.models.late_reranker import LateReranker
from ragkit.models.reranker_folder import open_reranker
from ragkit.train.options import TrainOptions
from ragkit.train.place import check_place
from ragkit.train.weighing import USUAL
from tests.conftest import CORPUS
from tests.unit.models import small_late, small_reranker

pytest.importorskip("torch", reason="needs the extra train: make test EXTRAS=all")

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The English guide and its neighbours: 24 documents."""
    folder = tmp_path_factory.mktemp("index")
    with ragkit.open(folder) as rag:
        rag.ingest([CORPUS / "en" / part for part in ("guide", "admin", "policies")], progress=False)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model to start from."""
    return small_reranker.write_reranker(tmp_path_factory.mktemp("start"))


@pytest.fixture
def train(index: Path, start: Path, tmp_path: Path) -> list[str]:
    """The command, into a folder of the test's own."""
    (tmp_path / "mine" / "training").mkdir(parents=True)
    (tmp_path / "mine" / "training" / "notes.txt").write_text("the user's own")
    out = str(tmp_path / "mine")
    return [
        *("models", "train-reranker", "--index", str(index), "--from", str(start), "--out", out),
        *("--epochs", "1", "--group-size", "2", "--generate", "60"),
    ]


def test_a_training_gives_a_model_with_its_report(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train[train.index("--generate") + 1] = "200"  # several from some passages, which are asked about once
    assert main([*train, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    folder = tmp_path / "mine"
    assert (folder / "training" / "notes.txt").read_text() == "the user's own"
    files = {"training", "MODEL_CARD.md", "model.json", "model.onnx", "report.json", "tokenizer.json"}
    assert {path.name for path in folder.iterdir()} == files
    scores = OnnxReranker(folder).score("Where are returns kept?", ["On shelf nine.", "It rains."])
    assert scores.shape == (2,)
    report = json.loads((folder / "report.json").read_text())
    assert report["gains"] == printed["gains"]
    (gain,) = report["gains"]
    figure = gain["figures"]["nDCG@10"]["this model"]
    assert 8 <= figure["n"] <= report["counts"]["to report on"]
    assert figure["low"] <= figure["mean"] <= figure["high"]
    assert {one["system"] for one in gain["differences"]} >= {"this model"}
    counts = report["counts"]
    assert counts["reported on: generated questions"] == figure["n"]
    without = "not reported on: generated from a passage that another question was generated from"
    assert counts["to report on"] == figure["n"] + counts[without]
    card = (folder / "MODEL_CARD.md").read_text()
    assert f"kept: those of step {report['training']['best_step']}, averaged, the best by nDCG@10" in card
    assert f"- {without}: {counts[without]}" in card
    # All questions are generated: nothing says how much the model should count.
    assert json.loads((folder / "model.json").read_text())["blend"] == USUAL.model_dump()
    assert "## Where it does not help" in card
    assert main(train) == 2
    assert "holds a model already" in capsys.readouterr().err


def test_a_model_that_compares_token_by_token_stays_one(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Where vectors are of 32 numbers, a sign that integer weights turn moves a score too far.
    train[train.index("--from") + 1] = str(small_late.write_late(tmp_path / "late", width=96))
    assert main([*train, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["gains"]
    own = open_reranker(tmp_path / "mine")
    assert isinstance(own, LateReranker)
    assert own.score("Where are returns kept?", ["On shelf nine.", ""])[1] == 0.0


def test_a_head_is_trained_on_the_bundled_reranker_and_gone_on_from(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = ["models", "train-reranker", "--index", str(index), "--generate", "60", "--epochs", "1"]
    assert main([*head, "--out", str(tmp_path / "head"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"first stage", "bundled reranker", "this model"} == set(report["gains"][0]["figures"]["nDCG@10"])
    assert report["self_test"]["correlation"] > 0.999
    training = report["training"]
    losses = {one["step"]: one["loss"] for one in training["standings"]}
    assert training["best_by"] == "loss"
    assert losses[training["best_step"]] == pytest.approx(min(losses.values()), abs=1e-4)
    own, bundled = open_reranker(tmp_path / "head"), BundledReranker()
    assert isinstance(own, LateReranker)
    assert own.manifest.head_of == bundled.fingerprint
    # All questions are generated: how much it counts is what the bundled model counts.
    assert own.blend is not None
    assert bundled.blend is not None
    assert own.blend["model"] == bundled.blend["model"]
    again = [*head, "--from", str(tmp_path / "head"), "--out", str(tmp_path / "again")]
    assert main([*again, "--learn", "all"]) == 2
    assert "holds a head, which has no layers to train" in capsys.readouterr().err
    assert main([*again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["start"] == own.fingerprint


def test_a_head_is_refused_on_a_model_of_other_vectors(
    train: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*train, "--learn", "head"]) == 2
    assert "a head can be trained on the bundled reranker alone" in capsys.readouterr().err


def test_a_head_on_another_model_is_refused_before_any_work(index: Path, tmp_path: Path) -> None:
    from ragkit.train.job import train_reranker
    from tests.unit.models.test_late_head import write_head

    start = write_head(tmp_path / "head", 1, head_of="other@1+aa")
    with pytest.raises(ModelError, match="is a head on other@1"):
        train_reranker(TrainOptions(default_config(index), tmp_path / "out", start=start))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "value"), [("scoring", "cross-encoder, 1"), ("best by", "nDCG@10")])
def test_a_checkpoint_of_before_a_setting_was_named_is_not_gone_on_with(
    train: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    from contextlib import nullcontext

    with monkeypatch.context() as patch:
        patch.setattr("ragkit.cli.models._stoppable", lambda: nullcontext(lambda: True))
        assert main(train) == 130
    path = tmp_path / "mine" / ".ragkit-training" / "checkpoint.npz"
    with np.load(path) as saved:
        tensors = {name: saved[name] for name in saved.files}
    facts = json.loads(tensors.pop("facts.json").tobytes())
    assert facts["settings"].pop(name) == value
    tensors["facts.json"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(path, allow_pickle=False, **tensors)
    capsys.readouterr()
    assert main(train) == 2
    assert f'{name} was null, is "{value}"' in capsys.readouterr().err


def test_a_stopped_training_is_kept_and_goes_on(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    @contextmanager
    def stopped_at_once() -> Iterator[object]:
        yield lambda: True

    with monkeypatch.context() as patch:
        patch.setattr("ragkit.cli.models._stoppable", stopped_at_once)
        assert main(train) == 130
    assert "Run it again to go on" in capsys.readouterr().err
    assert (tmp_path / "mine" / ".ragkit-training" / "checkpoint.npz").exists()
    assert main([*train, "--epochs", "2"]) == 2
    assert "epochs was 1, is 2" in capsys.readouterr().err
    assert main(train) == 0
    assert "going on after step 1" in capsys.readouterr().err
    assert not (tmp_path / "mine" / ".ragkit-training").exists()


def test_a_second_training_into_the_same_folder_is_told_who_trains_there(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "mine" / ".ragkit-training" / "training.lock"
    long = [*train, "--epochs", "500"]
    with subprocess.Popen([sys.executable, "-m", "ragkit", *long], stderr=subprocess.DEVNULL) as first:
        try:
            deadline = time.monotonic() + 120
            while not (lock.exists() and lock.read_text()):
                assert first.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert main(train) == 1
        finally:
            first.kill()
    told = " ".join(capsys.readouterr().err.split())
    assert f"{tmp_path / 'mine'}: process {first.pid} is training a model into this folder" in told
    assert "Wait until it is done, stop it, or choose another folder with --out" in told
    # The holder was killed, so the place is free again.
    check_place(tmp_path / "mine", overwrite=False, start=None)


def test_nothing_is_left_of_a_training_that_was_refused(train: list[str], tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "How long?", "document_id": "policies/waranty.md"}\n')
    train[train.index("--out") + 1] = str(tmp_path / "new")
    assert main([*train, "--questions", str(tmp_path / "q.jsonl")]) == 1
    assert not (tmp_path / "new").exists()


def test_questions_of_the_user_s_are_read_and_mistakes_in_them_told(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "How long?", "document_id": "policies/waranty.md"}\n')
    assert main([*train, "--questions", str(path)]) == 1
    told = capsys.readouterr().err
    assert f"{path}:1: document 'policies/waranty.md' is not in the index." in told
    assert "Did you mean" in told


def test_one_document_is_too_few(
    train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ragkit.open(tmp_path / "one") as rag:
        rag.ingest([ragkit.Document("a", "One text.")], progress=False)
    assert main([*train[:2], "--index", str(tmp_path / "one"), *train[4:]]) == 2
    assert "the index holds 1 documents" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["learning_rate", "group_size"])
def test_a_number_out_of_its_range_is_refused_before_any_work(start: Path, tmp_path: Path, name: str) -> None:
    from ragkit.train.job import train_reranker

    options = TrainOptions(default_config(tmp_path / "index"), tmp_path / "out", start=start)
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        train_reranker(replace(options, **{name: 0}))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
