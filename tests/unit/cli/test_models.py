"""`ragkit models` where it trains nothing: the list, the options, the missing extra."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ragkit.cli import main
from tests.unit.models import small_reranker


def test_the_list_has_the_bundled_models_and_those_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_reranker.write_reranker(tmp_path / "mine")
    assert main(["models", "list", str(tmp_path), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["models"]
    bundled = next(one for one in entries if one["name"] == "all-MiniLM-L6-v2")
    assert (bundled["kind"], bundled["bundled"], bundled["ok"]) == ("embedder", True, True)
    assert bundled["bytes"] > 20_000_000
    own = entries[-1]
    assert (own["kind"], own["name"], own["languages"]) == ("reranker", "small", ["en"])


def test_a_damaged_model_is_named_and_gives_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_reranker.write_reranker(tmp_path / "mine")
    (tmp_path / "mine" / "model.onnx").write_bytes(b"else")
    assert main(["models", "list", str(tmp_path / "mine")]) == 1
    assert "was changed or is damaged" in capsys.readouterr().out


def test_a_folder_without_a_model_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", str(tmp_path)]) == 1
    assert "holds no model" in capsys.readouterr().err


def test_without_the_extra_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["models", "train-reranker"]) == 1
    assert "pip install 'ragkit[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--epochs", "0"), ("--batch", "x"), ("--time-limit", "soon"), ("--time-limit", "-3m")),
        *(("--seed", "-1"), ("--seed", "4294967296"), ("--learning-rate", "0"), ("--learning-rate", "nan")),
    ],
)
def test_a_wrong_number_is_a_usage_error(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", "train-reranker", f"{option}={value}"])
    assert ended.value.code == 2
    assert "expected" in capsys.readouterr().err
