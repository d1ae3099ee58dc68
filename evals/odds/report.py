"""How often an answer is right, and whether its confidence says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from odds.asked import MIX, Asked, masses
from ragkit.evaluation.stats import mean_figure
from ragkit.generate.extractive import OUT_OF_SCOPE
from ragkit.generate.odds import Weights, confidence, out_of_scope, shares


def report(rows: Sequence[Asked], weights: Weights) -> None:
    """Prints how often the answers are right, at each confidence and threshold."""
    chosen = [row.chosen(weights) for row in rows]
    p = [shares(row.clued, weights) for row in rows]
    sure = np.array(
        [confidence(float(a[c].sum()), float(a.sum()), weights) for a, c in zip(p, chosen, strict=True)]
    )
    is_right = np.array([bool(row.right[c].any()) for row, c in zip(rows, chosen, strict=True)])
    mass = masses(rows)
    modes = np.array([row.mode for row in rows])
    answerable = [row for row in rows if row.mode == "in" and row.right.any()]
    for name, first in (
        ("judged alone", [row.right[int(np.argmax(row.clued.rows[:, 0]))] for row in answerable]),
        ("by all clues", [row.right[int(np.argmax(shares(row.clued, weights)))] for row in answerable]),
    ):
        figure = mean_figure(np.array(first, dtype=float), clusters=[row.article for row in answerable])
        print(f"  best sentence holds the answer, {name}: {figure}")
    n_quoted = np.mean([len(c) for c in chosen])
    print(f"  sentences quoted {n_quoted:.2f}; right among all questions with an answer "
          f"{mean_figure(is_right[modes == 'in'].astype(float))}")  # fmt: skip
    print("  confidence     n   right (in the mix)")
    for low in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8):
        high = {0.0: 0.1, 0.1: 0.2}.get(low, low + 0.2)
        own = (sure >= low) & (sure < high + (high >= 1)) & (mass > 0)
        if own.any():
            print(
                f"  {low:.1f} to {high:.1f} {own.sum():6} {np.average(is_right[own], weights=mass[own]):7.2f}"
            )
    print("  answered at    in   near    out   trap   balanced   right of the answered")
    for least in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        done = sure >= least
        rate = {mode: float(done[modes == mode].mean()) if (modes == mode).any() else np.nan for mode in MIX}
        balanced = (rate["in"] + 1 - np.nanmean([rate["near"], rate["out"]])) / 2
        of_answered = np.average(is_right[done], weights=mass[done]) if mass[done].sum() else np.nan
        print(f"  {least:11.2f} {rate['in']:5.2f} {rate['near']:6.2f} {rate['out']:6.2f} {rate['trap']:6.2f}"
              f" {balanced:10.3f} {of_answered:10.2f}")  # fmt: skip
    own = mass > 0
    order = np.argsort(-sure[own], kind="stable")
    wrong, weight = ~is_right[own][order], mass[own][order]
    area = np.average(np.cumsum(wrong * weight) / np.cumsum(weight), weights=weight)
    print(f"  AURC {area:.3f} (guessing {np.average(wrong, weights=weight):.3f})")
    foreign = np.array([out_of_scope(row.clued, weights) for row in rows])
    print("  said to be out of scope, of those declined at 0.2: " + ", ".join(
        f"{mode} {float((foreign[(modes == mode) & (sure < 0.2)] >= OUT_OF_SCOPE).mean()):.2f}"
        for mode in MIX if ((modes == mode) & (sure < 0.2)).any()))  # fmt: skip
