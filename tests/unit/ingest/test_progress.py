"""What the bar says is so, and the time left does not jump."""

from __future__ import annotations

import io
import itertools
import random
import re
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from ragkit.ingest.bar import Facts, IngestBar
from ragkit.ingest.progress import Work, shown, silent
from ragkit.ingest.rate import Rate, TimeLeft
from ragkit.types import Document
from tests.unit.ingest.test_pipeline import Bench


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_steady_work_is_estimated_exactly() -> None:
    left = TimeLeft()
    for second in range(0, 120, 3):
        left.note(second * 5.0, total=1_000, now=float(second))
    assert left.seconds(now=117.0) == pytest.approx((1_000 - 585) / 5)


def test_it_counts_down_between_two_reports() -> None:
    left = TimeLeft()
    for second in range(11):
        left.note(second * 10.0, total=1_000, now=float(second))
    seconds = left.seconds(now=14.5)
    assert seconds == pytest.approx(85.5)


def test_uneven_work_moves_the_end_little() -> None:
    rng = random.Random(20)
    left, done, now = TimeLeft(), 0.0, 0.0
    ends: list[float] = []
    while done < 3_000:
        left.note(done, total=3_000, now=now)
        seconds = left.seconds(now=now)
        if now > 30 and seconds is not None:
            ends.append(now + seconds)
        step = rng.uniform(0.2, 4)
        now, done = now + step, done + step * 10 * rng.uniform(0.5, 1.5)
    jumps = [abs(b - a) for a, b in itertools.pairwise(ends)]
    assert max(jumps) < 0.05 * 300
    assert all(abs(end - now) < 0.25 * 300 for end in ends)


def test_no_time_is_told_without_a_total_or_before_it_is_known() -> None:
    left = TimeLeft()
    for second in range(10):
        left.note(second * 10.0, total=None, now=float(second))
    assert left.seconds(now=10.0) is None
    early = TimeLeft()
    early.note(0, total=100, now=0.0)
    early.note(50, total=100, now=0.1)
    assert early.seconds(now=0.1) is None


def test_time_before_the_first_work_does_not_count() -> None:
    rate = Rate()
    for now, done in ((0.0, 0), (50.0, 0), (60.0, 100)):
        rate.note(done, now=now)
    assert rate.per_second == 10.0


def test_the_line_has_documents_share_speed_and_time() -> None:
    clock = Clock()
    facts = Facts(clock)
    for second in range(11):
        clock.now = float(second)
        facts.measure(Work(second * 100.0, total=4_000.0, n_passages=second * 20))
        facts.count(second, 120)
    assert facts.line() == "10 of 120 documents, 25 %, 20 passages/s, 0:30 left"


def test_the_line_without_a_total_promises_nothing() -> None:
    clock = Clock()
    facts = Facts(clock)
    for second in range(11):
        clock.now = float(second)
        facts.measure(Work(second * 100.0, total=None, n_passages=second))
        facts.count(1_234, None)
    assert facts.line() == "1,234 documents, 1.0 passages/s"


def test_long_runs_are_told_in_hours() -> None:
    clock = Clock()
    facts = Facts(clock)
    for second in range(11):
        clock.now = float(second)
        facts.count(second, 10_010)
    assert facts.line().endswith("2:46:40 left")


def test_the_bar_shows_a_file_name_as_it_is() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with IngestBar(console) as bar:
        bar(3, 12, "docs/[bold]a\x1b[2J.md")
        time.sleep(0.2)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "3 of 12 documents, 25 %" in text
    assert "docs/[bold]a [2J.md" in text


def test_nothing_is_shown_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with shown(True) as progress:
        assert progress is silent
    with shown(False) as progress:
        assert progress is silent


class Measured:
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.calls: list[tuple[int, int | None]] = []

    def measure(self, work: Work) -> None:
        self.works.append(work)

    def __call__(self, done: int, total: int | None, what: str) -> None:
        self.calls.append((done, total))


def test_work_is_the_bytes_of_files_and_never_goes_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write(a="one " * 100, b="two " * 1_000, c=" ")
    (bench.folder / "broken.md").write_bytes(b"caf\xff\x81")
    measured = Measured()
    bench.ingest(size=20, progress=measured)
    n_bytes = sum(path.stat().st_size for path in tmp_path.iterdir())
    done = [work.done for work in measured.works]
    assert done == sorted(done)
    assert (done[-1], measured.works[-1].total) == (n_bytes, n_bytes)
    assert measured.works[-1].n_passages == sum(bench.embedder.batches)


def test_a_document_counts_as_done_when_it_is_committed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    seen: list[tuple[int, int]] = []
    bench.ingest(
        [Document("a", "The lamp burns for long. " * 500), Document("b", "two")],
        size=20,
        progress=lambda done, total, what: seen.append((done, len(bench.texts()))),
    )
    assert len(seen) > 3
    assert all(done == committed for done, committed in seen)
