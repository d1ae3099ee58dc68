"""`ragkit eval`: run a suite, write a report."""

from __future__ import annotations

import argparse
import sys

from ragkit.cli.options import add_json_option, add_place_options
from ragkit.cli.options import print_json as emit

_EPILOG = """Example: ragkit eval evals/suites/quickstart.yaml
         ragkit eval suite.yaml --pipeline a.yaml --pipeline b.yaml --resume
         RAGKIT_DATA=~/datasets ragkit eval evals/suites/scifact.yaml

Exit codes: 0 done, 1 failed (also: a judge gave no verdict on too many questions), 2 a mistake in the
suite or a configuration, 3 the gate does not hold."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Run each pipeline of a suite on each of its datasets; print the figures with their intervals,\n"
        "write a folder with everything, and check the gate."
    )
    parser.epilog = _EPILOG
    parser.add_argument("suite", help="the suite's YAML")
    parser.add_argument("--data", metavar="DIR", help="the folder that holds the datasets ($RAGKIT_DATA)")
    parser.add_argument(
        "--pipeline",
        metavar="FILE",
        action="append",
        default=[],
        help="a further rag.yaml to measure, called like its file (may be repeated)",
    )
    parser.add_argument("--out", metavar="DIR", help="where to write (runs/NAME, NAME-2, …)")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in the folder, after a kill or failures"
    )
    parser.add_argument(
        "--save-baseline",
        metavar="FILE",
        help="keep the figures in a file, for later runs to be compared with",
    )
    add_place_options(parser, "asked")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the suite and prints what it gave; 3 where the gate does not hold."""
    from ragkit.cli import DONE, FAILED, GATE
    from ragkit.evaluation.evaluate import evaluate
    from ragkit.ingest.elsewhere import place

    report = evaluate(
        args.suite,
        data=args.data,
        resume=args.resume,
        out=args.out,
        pipelines=args.pipeline,
        save_baseline=args.save_baseline,
        on=place(args.on, workers=args.workers, gpus=args.gpus),
    )
    if args.json:
        from ragkit.evaluation.reports.json import report_json, timings_json

        timings = timings_json(report)
        emit({**report_json(report), "timings": timings, "folder": str(report.folder)})
    else:
        from ragkit.evaluation.reports.terminal import console_for_reports, print_report

        console = console_for_reports()
        print_report(report, console)
        console.print(f"{report.folder}/report.html", style="bold", soft_wrap=True, markup=False)
    for line in report.untrusted:
        print(f"error: {line}", file=sys.stderr)
    if not report.holds:
        return GATE
    return FAILED if report.untrusted else DONE
