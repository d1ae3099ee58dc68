"""`ragkit compare`: two runs, question by question."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.cli.options import add_json_option
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.evaluation.compare_runs import PairOfRuns


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Compare two runs of `ragkit eval` question by question: paired differences with intervals,\n"
        "effect size and corrected p, then the questions that were lost and won, the worst first."
    )
    parser.epilog = "Example: ragkit compare runs/quickstart runs/quickstart-2 --html compared.html"
    parser.add_argument("before", metavar="RUN_A", help="the folder of the run to compare with")
    parser.add_argument("after", metavar="RUN_B", help="the folder of the other run")
    parser.add_argument("--metric", help="whose wins and losses to list (the first measure)")
    parser.add_argument("--html", metavar="FILE", help="write a page with every win and loss")
    parser.add_argument("--seed", type=int, default=0, help="of resampling and tests (0)")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compares, and prints or writes what was found."""
    from ragkit.evaluation.compare_runs import compare_runs, named_runs
    from ragkit.evaluation.folder import load_report
    from ragkit.evaluation.not_compared import not_compared
    from ragkit.evaluation.reports.compared import check_compared

    before, after = load_report(args.before), load_report(args.after)
    if args.seed < 0:
        raise ConfigError(f"--seed {args.seed}: expected 0 or more")
    names = named_runs(Path(args.before), Path(args.after))
    pairs = compare_runs(before, after, names=names, seed=args.seed)
    check_compared(pairs, args.metric)
    left_out = not_compared(before, after, pairs, names)
    if args.html:
        from ragkit.evaluation.page.write import write_comparison
        from ragkit.evaluation.reports.tables import datasets_of
        from ragkit.evaluation.shown_texts import kept_texts

        texts = kept_texts(Path(args.before), datasets_of(before.results))
        texts |= kept_texts(Path(args.after), datasets_of(after.results))
        write_comparison(before, after, Path(args.html), texts, names=names)
    if args.json:
        emit({"runs": list(names), "pairs": [_as_json(pair) for pair in pairs], "not_compared": left_out})
        return 0
    from ragkit.evaluation.reports.compared import print_pairs
    from ragkit.evaluation.reports.terminal import console_for_reports, plain

    console = console_for_reports()
    print_pairs(pairs, console, metric=args.metric)
    for line in left_out:
        console.print(plain(line, "yellow"), soft_wrap=True)
    return 0


def _as_json(pair: PairOfRuns) -> dict[str, object]:
    from ragkit.evaluation.reports.json import comparison_json

    return {
        "dataset": pair.dataset,
        "before": pair.before.pipeline,
        "after": pair.after.pipeline,
        "comparison": comparison_json(pair.comparison),
        "changes": {
            metric: [{**asdict(change), "difference": change.difference} for change in changes]
            for metric, changes in pair.changes.items()
        },
    }
