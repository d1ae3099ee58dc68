"""Questions that pass through a loaded model at the same time: in turn, each once, as each would alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.errors import ModelError
from ragkit.models.bundled_model import BUNDLED_RERANKER, OUTPUTS
from ragkit.models.loaded import LoadedModel
from ragkit.models.manifest import LateManifest, read_manifest
from ragkit.models.process_lock import ProcessTurns
from ragkit.models.workers import usable_cores

SHARED = ("sentence_embedding", *OUTPUTS)
MANIFEST = read_manifest(BUNDLED_RERANKER, LateManifest)


class Watched(LoadedModel):
    """Counts how many passes are under way, and makes each long enough to be met."""

    def __init__(self) -> None:
        super().__init__(BUNDLED_RERANKER, MANIFEST, inputs=("input_ids",), outputs=OUTPUTS, shared=SHARED)
        self.now = self.most = self.passes = 0
        self._counting = threading.Lock()

    def run(
        self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        with self._counting:
            self.now, self.passes = self.now + 1, self.passes + 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        found = super().run(feed, outputs)
        with self._counting:
            self.now -= 1
        return found


def asked(
    model: LoadedModel, questions: Sequence[str], outputs: Sequence[str] = SHARED
) -> list[list[NDArray[Any]]]:
    """What each question gets, all of them asked at the same time."""
    rows = model.tokenizer().encode(questions, max_tokens=256)
    together = threading.Barrier(len(rows))

    def one(ids: list[int]) -> list[NDArray[Any]]:
        together.wait(30)
        return model.run_question(ids, outputs)

    with ThreadPoolExecutor(len(rows)) as pool:
        return list(pool.map(one, rows))


def test_questions_that_come_together_pass_on_half_of_the_cores_as_each_would_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ragkit.models.loaded.usable_cores", lambda: 5)
    model, alone = Watched(), Watched()
    questions = [f"How long may I keep {number} rented cars?" for number in range(8)]
    found = asked(model, questions)
    assert (model.passes, model.most) == (8, 2)
    for question, outputs in zip(questions, found, strict=True):
        (expected,) = asked(alone, [question])
        for own, other in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(own, other)


def test_questions_that_are_only_embedded_pass_on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.models.loaded.usable_cores", lambda: 5)
    model = Watched()
    questions = [f"How long may I keep {number} rented cars?" for number in range(8)]
    asked(model, questions, SHARED[:1])
    assert 2 < model.most <= 5
    model.most = 0
    asked(model, [f"And who pays for {number}?" for number in range(8)])
    assert model.most == 2


def test_the_same_question_passes_once_for_all_who_ask_it() -> None:
    model = Watched()
    found = asked(model, ["Сколько дней можно держать машину?"] * 6)
    assert model.passes == 1
    assert all(own is other for outputs in found for own, other in zip(outputs, found[0], strict=True))


def test_a_pass_that_fails_gives_its_turn_back() -> None:
    model = Watched()
    for _ in range(usable_cores()):
        with pytest.raises(ModelError, match="failed"):
            model.run_question([10**9], SHARED)
    assert len(asked(model, ["who pays?"])) == 1


def test_a_turn_that_was_taken_before_a_fork_is_free_in_the_child() -> None:
    turns = ProcessTurns(1)
    with turns.own():
        child = os.fork()
        if not child:
            os._exit(0 if turns.own().is_free else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not turns.own().is_free
