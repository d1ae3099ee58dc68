"""`ragkit ingest`: index files and folders."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, add_place_options, open_rag, parsed_object
from ragkit.cli.options import print_json as emit

_EXAMPLE = '{"lang": "ru"}'


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Index files and folders. What is indexed already and unchanged costs nothing; what was deleted\n"
        "from a folder since it was ingested is removed from the index."
    )
    parser.epilog = f"Example: ragkit ingest docs/ --index index/ --metadata '{_EXAMPLE}'"
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a file or a folder; none: what ingest.load of the configuration gives",
    )
    parser.add_argument(
        "--tenant", help="the tenant the documents belong to, where the collection declares one"
    )
    parser.add_argument(
        "--acl", action="append", metavar="GROUP", help="a group that may read them (may be repeated)"
    )
    parser.add_argument(
        "--metadata", metavar="JSON", help=f"fields for every document, for example: '{_EXAMPLE}'"
    )
    parser.add_argument("--keep-missing", action="store_true", help="keep documents whose files were deleted")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="end with code 1 if any document was quarantined or rejected; the others go in all the same",
    )
    add_place_options(parser, "read, cut and embedded")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Ingests, and prints the report. Documents that could not be ingested are named, the rest goes in."""
    from ragkit.cli.interrupt import Committed, terminable, told
    from ragkit.ingest.elsewhere import place
    from ragkit.ingest.progress import shown

    metadata = parsed_object("--metadata", args.metadata)
    on = place(args.on, workers=args.workers, gpus=args.gpus)
    committed = Committed()
    try:
        with terminable(), open_rag(args, create=True) as rag, shown(not args.json) as progress:
            committed.progress = progress
            report = rag.ingest(
                args.paths or None,
                tenant=args.tenant,
                acl=args.acl,
                metadata=metadata,
                progress=committed,
                delete_missing=not args.keep_missing,
                on=on,
            )
    except KeyboardInterrupt as e:
        return told(e, committed.n)
    if args.json:
        emit(report.as_json())
    else:
        from ragkit.cli.show import print_report

        print_report(report)
    return int(args.strict and bool(report.quarantined or report.rejected))
