"""How often each kind of gate raises an alarm: where nothing changed, and where something did.

    python evals/gate_alarms.py

Two systems score the same questions: a level that each question has, plus noise of their own. The second is
worse by `drop`. Scores lie in [0, 1].
"""

from __future__ import annotations

import argparse

import numpy as np

from ragkit.evaluation.significance import randomisation_p

GATES = ("mean fell by > 0.01", "and two-sided p < .05", "one-sided p < .05", "one-sided, and by > 0.01")


def main() -> None:
    """Prints the share of alarms by size of the set and true drop."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--noise", type=float, default=0.15)
    args = parser.parse_args()
    generator = np.random.default_rng(0)
    print(f"n     drop  {'  '.join(GATES)}   ({args.trials:,} trials, noise {args.noise}, seed 0)")
    for n in (50, 100, 300):
        for drop in (0.0, 0.02, 0.05):
            alarms = [trial(generator, n, drop, args.noise) for _ in range(args.trials)]
            shares = np.mean(alarms, axis=0)
            cells = (f"{share:{len(gate)}.3f}" for gate, share in zip(GATES, shares, strict=True))
            print(f"{n:<4}  {drop:.2f}  {'  '.join(cells)}", flush=True)


def trial(generator: np.random.Generator, n: int, drop: float, noise: float) -> tuple[bool, ...]:
    """Whether each gate raises an alarm."""
    level = generator.uniform(0, 1, n)
    old = np.clip(level + generator.normal(0, noise, n), 0, 1)
    new = np.clip(level - drop + generator.normal(0, noise, n), 0, 1)
    change, p = float((new - old).mean()), randomisation_p(new - old)
    fell = change < -0.01
    sure = change < 0 and p / 2 < 0.05
    return fell, fell and p < 0.05, sure, fell and sure


if __name__ == "__main__":
    main()
