"""`ragkit compact`: files without what was replaced or removed."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Take out of the files what was replaced or removed. Readers go on; ingestion does this by itself "
        "once half of an index is of that kind."
    )
    parser.epilog = "Example: ragkit compact --index index/ --json"
    parser.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="seconds to wait for readers (default 30)"
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compacts, and says what left the files."""
    with open_rag(args) as rag:
        done = rag.compact(wait_s=args.wait)
    if args.json:
        emit({"collected": done.n_collected, "held": done.n_held, "erased": done.erased})
    else:
        from ragkit.cli.show import print_lines

        lines = [f"taken out of the files: {done.n_collected} replaced or removed versions and chunks"]
        if done.n_held:
            lines.append(f"kept until readers of older commits are done: {done.n_held}")
        if not done.erased:
            lines.append(
                "a reader was in the way: what is left goes with the next ingestion, or run it again"
            )
        print_lines(lines)
    return 0
