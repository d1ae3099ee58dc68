"""`ragkit search-config`: the best configurations of a space, by quality, time and cost."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.cli.options import add_json_option
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.evaluation.search.grid import Grid
    from ragkit.evaluation.search.search import Findings

_SHOWN = 5
_EPILOG = """Example: ragkit search-config rag.yaml space.yaml --data eval/support --dry-run
          ragkit search-config rag.yaml space.yaml --data eval/support \\
              --objective "max nDCG@10, min latency.p95" --budget 25%
          ragkit search-config rag.yaml space.yaml --data evals/datasets/scifact.yaml --budget 30m

What a space file holds: docs/guide/search-config.md"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Try the configurations that a space file makes of a rag.yaml. All are asked a few questions, the\n"
        "better ones more; the front is confirmed on questions that no decision has looked at. Stopped at\n"
        "any moment, it goes on where it was when it is run again."
    )
    parser.epilog = _EPILOG
    parser.add_argument("config", metavar="RAG_YAML", help="the configuration to start from")
    parser.add_argument("space", metavar="SPACE_YAML", help="which keys may have which values")
    parser.add_argument(
        "--data",
        required=True,
        metavar="PATH",
        help="a manifest, a folder in BEIR layout, or a file of questions with --documents",
    )
    parser.add_argument("--documents", metavar="DIR", help="the documents of a file of questions")
    parser.add_argument(
        "--objective",
        metavar="TEXT",
        help='such as "max nDCG@10, min latency.p95"; the first picks the winner (objective: of the space)',
    )
    parser.add_argument(
        "--budget",
        default="25%",
        metavar="LIMIT",
        help="a share of the whole grid (25%%), stage runs (20000), a time (30m), or none",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of questions' order and tests (0)")
    parser.add_argument("--split", default="test", metavar="NAME", help="which judgements of a folder (test)")
    parser.add_argument("--own-index", action="store_true", help="ask the config's own index; ingest nothing")
    parser.add_argument("--out", metavar="DIR", help="where to write (runs/search-NAME)")
    parser.add_argument("--dry-run", action="store_true", help="count and check the configurations, run none")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Searches, and prints and writes what was found."""
    from ragkit.evaluation.search.grid import enumerate_space
    from ragkit.evaluation.search.live import measures_of
    from ragkit.evaluation.search.objective import metrics_of, parse_objectives
    from ragkit.evaluation.search.space import load_space

    if args.seed < 0:
        raise ConfigError(f"--seed {args.seed}: expected 0 or more")
    space = load_space(Path(args.space))
    objectives = parse_objectives(args.objective) if args.objective is not None else space.objectives
    if not objectives:
        raise ConfigError('nothing to search for: give --objective "max nDCG@10, min latency.p95"')
    measures_of(metrics_of(objectives))
    grid = enumerate_space(Path(args.config), space)
    if args.dry_run:
        _show_grid(grid, as_json=args.json)
        return 0
    if not args.json:
        _show_counts(grid)
    from ragkit.evaluation.search.over_data import search_over_data

    folder = Path(args.out or f"runs/search-{Path(args.space).stem}")
    findings = search_over_data(
        grid,
        space,
        objectives,
        Path(args.data),
        folder=folder,
        source=Path(args.config),
        budget=args.budget,
        seed=args.seed,
        split_name=args.split,
        documents=Path(args.documents) if args.documents else None,
        own_index=args.own_index,
        quiet=args.json,
    )
    if args.json:
        from ragkit.evaluation.search.written import search_json

        emit({**search_json(findings), "folder": str(folder)})
    else:
        _show(findings, folder)
    return 0


def _show_grid(grid: Grid, *, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "combinations": grid.combinations,
                "configurations": [
                    {"id": c.id, "label": c.label, "same": list(c.same)} for c in grid.candidates
                ],
                "baseline": grid.baseline.id,
                "refused": [{"label": r.label, "reason": r.reason} for r in grid.refused],
            }
        )
        return
    _show_counts(grid)
    for candidate in grid.candidates:
        own = "  (as it is)" if candidate is grid.baseline and candidate.label != "as it is" else ""
        print(f"  {candidate.id}  {candidate.label}{own}")


def _show_counts(grid: Grid) -> None:
    same = sum(len(candidate.same) for candidate in grid.candidates)
    alike = f", {same:,} the same as another" if same else ""
    print(
        f"{grid.combinations:,} combinations: {len(grid.candidates):,} configurations with the one as it is"
        f"{alike}, {len(grid.refused):,} that cannot be"
    )
    reasons: dict[str, list[str]] = {}
    for refused in grid.refused:
        reasons.setdefault(refused.reason, []).append(refused.label)
    for reason, labels in list(reasons.items())[:_SHOWN]:
        print(f"  {len(labels):,} cannot be: {reason}\n    such as {labels[0]}")
    if len(reasons) > _SHOWN:
        print(f"  and for {len(reasons) - _SHOWN:,} more reasons, see --dry-run --json")
    sys.stdout.flush()


def _show(findings: Findings, folder: Path) -> None:
    from ragkit.cli.show import print_lines
    from ragkit.evaluation.search.table import front_table
    from ragkit.evaluation.search.written import statement

    front, spent = front_table(findings), findings.spent
    lines = [""]
    if front.common:
        lines.append(f"all of the front: {' '.join(front.common)}")
    lines += [*front.table.text().splitlines(), ""]
    if findings.winner_is_baseline:
        lines.append("Nothing was found that is better than the configuration as it was.")
    lines += [
        statement(findings),
        "[95 %]: of the held-out questions. race: what it reached where it was picked. change: paired, "
        "against the configuration as it was.",
        f"{spent.stage_runs:,} stage runs, {spent.stage_runs / spent.whole:.1%} of what every configuration "
        f"on every question takes by itself; hypervolume of the front {findings.hypervolume:.3f}.",
    ]
    if findings.parts.note:
        lines.append(f"Note: {findings.parts.note}.")
    lines.append(f"{folder}: best.yaml, report.html, front.svg, search.json")
    print_lines(lines)
