"""`ragkit source`: the canonical text of a document, the one that all positions count in."""

from __future__ import annotations

import argparse
import sys

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Print a document's canonical text, exactly as citations count in it."
    parser.epilog = "Example: ragkit source guide/install.md --index index/"
    parser.add_argument(
        "document_id", metavar="ID", help="a document's id, or its place as shown with a citation"
    )
    parser.add_argument("--tenant", help="the tenant, where the collection declares one")
    parser.add_argument("--acl", action="append", metavar="GROUP", help="a group the reader belongs to")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the text, byte for byte, without a final newline of its own."""
    with open_rag(args) as rag:
        text = rag.source(args.document_id, tenant=args.tenant, acl=args.acl)
    if args.json:
        emit({"document_id": args.document_id, "text": text})
    else:
        sys.stdout.buffer.write(text.encode("utf-8"))
    return 0
