"""What nodes usually take."""

from __future__ import annotations

import pytest

from ragkit.graph.pace import Pace, Smoothed, Usual


def test_the_first_figure_counts_whole_and_later_ones_move_it() -> None:
    figure = Smoothed()
    assert figure.usual == 0.0
    for _ in range(50):
        figure.add(1.0)
    assert figure.usual == 1.0
    figure.add(9.0)
    # By hand: mean 1 + 8/8, deviation 8/4, so 2 + 2 * 2.
    assert figure.usual == pytest.approx(6.0)


def test_what_is_skipped_is_tried_again_some_time() -> None:
    pace = Pace({"rerank": []})
    pace.took("rerank", Usual(30.0, tokens=100))
    n = 0
    while pace.of("rerank").seconds > 5.0:
        pace.skipped("rerank")
        n += 1
    assert 10 < n < 20
    assert pace.of("rerank").tokens < 20


def test_the_slowest_way_counts_for_time_and_all_ways_for_tokens() -> None:
    pace = Pace({"plan": ["dense", "bm25"], "dense": ["fuse"], "bm25": ["fuse"], "fuse": [], "aside": []})
    for name, seconds in (("plan", 9.0), ("dense", 2.0), ("bm25", 1.0), ("fuse", 0.5), ("aside", 5.0)):
        pace.took(name, Usual(seconds, tokens=10, usd=0.1))
    after = pace.after("plan")
    assert (after.seconds, after.tokens) == (2.5, 30)
    assert after.usd == pytest.approx(0.3)
    assert pace.after("fuse") == Usual()
    assert pace.of("unheard of") == pace.after("unheard of") == Usual()
