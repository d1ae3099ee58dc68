"""What the bar of an evaluation says."""

from __future__ import annotations

import io

from rich.console import Console

from ragkit.evaluation.runner.progress import RunBar, RunFacts, shown
from ragkit.ingest.progress import silent


def test_the_time_left_is_told_once_the_pace_is_known() -> None:
    now = [0.0]
    facts = RunFacts(lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        facts.note(second * 2, 300, "scifact")
    assert facts.line() == "60 of 300, 2:00 left"


def test_hours_are_told_as_hours() -> None:
    now = [0.0]
    facts = RunFacts(lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        facts.note(second, 7_231, "scifact")
    assert facts.line() == "30 of 7,231, 2:00:01 left"


def test_another_piece_of_work_has_a_pace_of_its_own() -> None:
    now = [0.0]
    facts = RunFacts(lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        facts.note(second, 100, "indexing")
    facts.note(1, 100, "asking")
    assert facts.line() == "1 of 100"


def test_what_is_done_has_no_time_left() -> None:
    now = [0.0]
    facts = RunFacts(lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        facts.note(second, 30, "asking")
    assert facts.line() == "30 of 30"


def test_the_bar_shows_names_as_they_are() -> None:
    out = io.StringIO()
    with RunBar(Console(file=out, force_terminal=True, width=100)) as bar:
        bar(3, 8, "[red]mine[/red]")
    assert "[red]mine[/red]" in out.getvalue()
    assert "3 of 8" in out.getvalue()


def test_there_is_no_bar_where_nobody_looks() -> None:
    with shown(True) as progress:
        assert progress is silent
    with shown(False) as progress:
        assert progress is silent
