"""`ragkit forget`: documents or a tenant, removed for good."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Remove documents, or all of a tenant's, from every answer and from every file of the index."
    )
    parser.epilog = (
        "Example: ragkit forget guide/old.md --index index/\n"
        "         ragkit forget --tenant acme --config rag.yaml\n"
        "A document whose file is still there comes back when its folder is ingested again.\n"
        "On a server, and in Milvus Lite, its engine decides when the bytes leave its files.\n"
        "Ends with 0 where all that was named is gone, else with 1."
    )
    parser.add_argument("documents", nargs="*", metavar="DOC", help="an id, or a place as citations show it")
    parser.add_argument("--tenant", help="whose documents; without DOC, all of them")
    parser.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="seconds to wait for readers (default 30)"
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Forgets, and says what is gone."""
    with open_rag(args) as rag:
        done = rag.forget(args.documents or None, tenant=args.tenant, wait_s=args.wait)
    if args.json:
        emit(done.as_json())
    else:
        from ragkit.cli.show import print_lines

        lines = [f"forgotten: {len(done.documents)} (chunks: {done.chunks})"]
        lines += [f"not here: {name}" for name in done.unknown]
        lines += done.notes
        if not done.erased and not done.notes:
            lines.append("a reader holds an older commit: bytes are left in the files. Run: ragkit compact")
        print_lines(lines)
    return 0 if done.erased and not done.unknown else 1
