"""`ragkit status`: what an index holds."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Show what an index holds, what it was made with, and what could not be ingested."
    parser.epilog = "Example: ragkit status --index index/ --json"
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the counts."""
    with open_rag(args) as rag:
        status = rag.status()
    if args.json:
        emit(status.as_json())
        return 0
    from ragkit.cli.show import print_status

    print_status(status)
    return 0
