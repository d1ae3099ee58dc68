"""No answer of another tenant, group, filter or commit, none too old, in 100,000 random operations."""

from __future__ import annotations

from pathlib import Path

from tests.scale import scaled
from tests.unit.cache.random_operations import run_operations


def test_no_hit_is_of_another_reader_or_stale(tmp_path: Path) -> None:
    counts = run_operations(tmp_path / "index", operations=scaled(100_000), seed=1)
    # It proves nothing unless each kind of answer came, and often.
    assert min(counts["by result"], counts["by semantic"], counts["by run"]) > 100, counts
