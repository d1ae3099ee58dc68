"""A batch is what embeds in about five seconds, within limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from ragkit.ingest.pace import Pace
from ragkit.protocols import TextKind, Vectors
from ragkit.types import Document
from tests.unit.ingest.test_pipeline import Bench


@pytest.mark.parametrize(
    ("n_texts", "seconds", "limit"),
    [(128, 1.28, 500), (128, 60.0, 64), (128, 0.01, 2_000), (128, 0.0, 2_000), (0, 0.0, 128)],
)
def test_the_next_batch_follows_the_speed_of_the_first(n_texts: int, seconds: float, limit: int) -> None:
    pace = Pace()
    pace.note(n_texts, seconds=seconds)
    assert pace.limit == limit


def test_a_model_that_becomes_slower_gets_smaller_batches() -> None:
    pace = Pace()
    pace.note(1_000, seconds=10)
    for _ in range(4):
        pace.note(500, seconds=20)
    assert 125 <= pace.limit <= 140


class Clock:
    """Time that passes only while texts are embedded."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_model_commits_every_five_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, clock = Bench(tmp_path), Clock()
    embed = bench.embedder.embed
    done: list[int] = []

    def slow(texts: Sequence[str], kind: TextKind) -> Vectors:
        clock.now += len(texts) / 40
        return embed(texts, kind)

    monkeypatch.setattr("ragkit.ingest.run.time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(bench.embedder, "embed", slow)
    bench.ingest([Document(f"d{n}", f"text {n}") for n in range(600)], progress=lambda n, *_: done.append(n))
    assert sorted(set(done)) == [0, 128, 328, 528, 600]
