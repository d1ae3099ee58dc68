"""`ragkit verify`: whether an index is what was written."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Compare every file, row, vector and text of an index with what was written."
    parser.epilog = (
        "Example: ragkit verify --index index/ --json\nEnds with 0 where all is sound, and 1 where it is not."
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints each problem with its remedy."""
    with open_rag(args) as rag:
        problems = rag.verify()
    if args.json:
        emit({"ok": not problems, "problems": problems})
    else:
        from ragkit.cli.show import print_lines

        print_lines(problems or ["the index is sound"])
    return 1 if problems else 0
