"""`ragkit repair`: make anew what an index derives from its texts."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Make damaged BM25 files and vectors anew from the texts, read passages that the reranker lacks, "
        "remove files that no commit names, verify."
    )
    parser.epilog = (
        "Example: ragkit repair --index index/ --json\nEnds with 0 where all is sound then, and 1 where not."
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what was mended, and each problem that is left with its remedy."""
    with open_rag(args) as rag:
        done = rag.repair()
    if args.json:
        emit({"repaired": list(done.repaired), "ok": done.ok, "problems": list(done.problems)})
    else:
        from ragkit.cli.show import print_lines

        print_lines([*done.repaired, *(done.problems or ["the index is sound"])])
    return 0 if done.ok else 1
