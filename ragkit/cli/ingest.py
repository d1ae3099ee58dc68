"""`ragkit ingest`: index files and folders."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Index files and folders. What is indexed already and unchanged costs nothing."
    parser.epilog = "Example: ragkit ingest docs/ --index index/"
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    parser.add_argument(
        "--tenant", help="the tenant the documents belong to, where the collection declares one"
    )
    parser.add_argument(
        "--acl", action="append", metavar="GROUP", help="a group that may read them (may be repeated)"
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Ingests, and prints the report. Documents that could not be ingested are named, the rest goes in."""
    with open_rag(args, create=True) as rag:
        report = rag.ingest(args.paths, tenant=args.tenant, acl=args.acl, progress=not args.json)
    if args.json:
        emit(report.as_json())
        return 0
    from ragkit.cli.show import print_report

    print_report(report)
    return 0
