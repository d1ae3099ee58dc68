"""`ragkit import`: an index of another library, without embedding anything again."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, Any

from ragkit.cli.options import add_index_options, add_json_option, open_rag, parsed_object
from ragkit.cli.options import print_json as emit

if TYPE_CHECKING:
    from ragkit.ingest.imports.report import ImportReport

_LISTED = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Take over an index of another library: its texts, vectors and metadata become a collection, and\n"
        "nothing is embedded but a few texts, to see that the configured model made the vectors.\n"
        "LIBRARY: chroma, haystack, jsonl, langchain-faiss, llamaindex-storage. Killed at any moment, it\n"
        "goes on where it was when it is run again. The index it is from is not changed."
    )
    parser.epilog = (
        "Example: ragkit import chroma ./chroma --name docs --root docs/ --config rag.yaml --dry-run\n"
        "Ends with 0 where all is done, 1 where the index is refused, and 2 where what is named is not there."
    )
    parser.add_argument("library", metavar="LIBRARY", help="what made the index")
    parser.add_argument("path", metavar="PATH", help="its folder or file")
    parser.add_argument("--name", help="which collection of it, where there are several")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="the folder that will be ingested later: documents get the ids of its files, so that they are "
        "replaced then",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--group-by", metavar="KEY", help="the metadata that names a passage's document")
    group.add_argument("--one-each", action="store_true", help="make each passage a document of its own")
    parser.add_argument("--skip-bad", action="store_true", help="leave out passages that cannot be taken")
    parser.add_argument(
        "--ignore-offsets",
        action="store_true",
        help="put passages one after the other, whatever their places",
    )
    parser.add_argument(
        "--accept-cosine", action="store_true", help="even if the index ranks by another metric than cosine"
    )
    parser.add_argument(
        "--no-probe", action="store_true", help="do not check that the configured model made the vectors"
    )
    parser.add_argument("--add", action="store_true", help="even if the collection holds other documents")
    parser.add_argument("--dry-run", action="store_true", help="check and count all, and write nothing")
    parser.add_argument("--tenant", help="whose the documents are, where the collection declares a tenant")
    parser.add_argument(
        "--acl", action="append", metavar="GROUP", help="a group that may read them (may be repeated)"
    )
    parser.add_argument("--metadata", metavar="JSON", help="fields for every passage")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Imports, and prints the report."""
    from ragkit.cli.interrupt import TerminatedError, terminable
    from ragkit.cli.line import Line
    from ragkit.ingest.imports.importer import ImportOptions

    options = ImportOptions(
        args.name,
        group_by="" if args.one_each else args.group_by,
        root=args.root,
        tenant=args.tenant,
        acl=tuple(args.acl or ()),
        metadata=parsed_object("--metadata", args.metadata) or {},
        skip_bad=args.skip_bad,
        ignore_offsets=args.ignore_offsets,
        accept_cosine=args.accept_cosine,
        probe=not args.no_probe,
        add=args.add,
        dry_run=args.dry_run,
    )
    try:
        with terminable(), open_rag(args, create=True) as rag:
            report = rag.import_index(args.library, args.path, options, progress=Line(quiet=args.json))
    except KeyboardInterrupt as e:
        print("interrupted; what was written stays. Run it again to go on", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(e, TerminatedError) else signal.SIGINT)
    if args.json:
        emit(report.as_json())
    else:
        _print(report)
    return 0


def _print(report: ImportReport) -> None:
    from ragkit.cli.show import print_facts, print_lines

    probe, measure = report.probe, report.measure
    would = "would be " if report.dry_run else ""
    facts: dict[str, Any] = {
        "read": f"{report.read:,} passages",
        f"{would}written": f"{report.written:,}, of {report.documents:,} documents "
        f"({report.replaced:,} replaced)",
        "unchanged": f"{report.unchanged:,}, of {report.unchanged_documents:,} documents",
        "skipped": f"{report.skipped:,}",
    }
    if measure is not None:
        facts["vectors"] = (
            f"{report.dimension} numbers, compared by {measure.metric or 'an unnamed metric'}, "
            f"{measure.shortest:.4g} to {measure.longest:.4g} long"
        )
    if probe is not None:
        facts["embedder"] = (
            f"median cosine {probe.median:.4f}, worst {probe.worst:.4f} of {probe.n} texts ({probe.of})"
        )
    facts["seconds"] = f"{report.seconds:.1f}"
    print_facts(f"{report.source}: {'nothing written (dry run)' if report.dry_run else 'imported'}", facts)
    lines = [f"  skipped: {one.line}" for one in report.left_out[:_LISTED]]
    if len(report.left_out) > _LISTED:
        lines.append(f"  … and {len(report.left_out) - _LISTED:,} more; --json lists all of them")
    print_lines([*lines, *(f"  note: {note}" for note in report.notes)])
