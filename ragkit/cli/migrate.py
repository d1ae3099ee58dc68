"""`ragkit migrate`: the same collection in another store, without embedding anything again."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.cli.options import add_index_options, add_json_option, config_from
from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError

if TYPE_CHECKING:
    from ragkit.config.spec import Config
    from ragkit.store.migrate import Migration


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Copy chunks, vectors, metadata and the record of documents from the store that the collection is\n"
        "in to another one that is declared under stores:, then compare both. Nothing is embedded, and\n"
        "the source is not changed. Killed at any moment, it goes on where it was when it is run again."
    )
    parser.epilog = (
        "Example: ragkit migrate --to prod --config rag.yaml --cut-over\n"
        "Ends with 0 where both hold and answer the same, and 1 where they do not."
    )
    parser.add_argument("--to", required=True, metavar="NAME", help="a name under stores:")
    parser.add_argument(
        "--cut-over", action="store_true", help="if both are the same, change the word store: in rag.yaml"
    )
    parser.add_argument(
        "--dual-write",
        action="store_true",
        help="from then on keep both the same: write dual_write: in rag.yaml, if both are the same",
    )
    parser.add_argument(
        "--remove-others", action="store_true", help="remove documents that only the other store holds"
    )
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Migrates, prints the parity report, and says or changes the word to change."""
    from ragkit.app import RAG
    from ragkit.cli.interrupt import TerminatedError, terminable
    from ragkit.cli.line import Line
    from ragkit.config.cut_over import cut_over, write_both

    config = config_from(args)
    # Before anything is copied: whether the file can be changed afterwards.
    path = _checked_path(config, args) if args.cut_over or args.dual_write else config.path
    try:
        with terminable(), RAG(config, create=False) as rag:
            done = rag.migrate(args.to, remove_others=args.remove_others, progress=Line(quiet=args.json))
    except KeyboardInterrupt as e:
        print("interrupted; what was copied stays. Run it again to go on", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(e, TerminatedError) else signal.SIGINT)
    word, both, before = None, None, config.collection.store
    if args.dual_write and done.parity.ok and path is not None:
        both = write_both(path, (before, args.to))
    if args.cut_over and done.parity.ok and path is not None:
        word = cut_over(path, args.to)
    if args.json:
        line = None if word is None else {"path": str(path), "line": word.line, "text": word.text}
        dual = None if both is None else {"path": str(path), "line": both}
        emit({"from": before, "to": args.to, **done.as_json(), "dual_write": dual, "cut_over": line})
        return 0 if done.parity.ok else 1
    _print(done, f"{before} to {args.to}")
    if both is not None:
        _say(f"kept the same from now on: {path}:{both}: dual_write: [{before}, {args.to}]")
    if word is not None:
        _say(f"cut over: {path}:{word.line}: {word.text}", f"to go back, write {before!r} there again")
    elif done.parity.ok:
        _say(_how_to_cut_over(path, before, args.to))
    return 0 if done.parity.ok else 1


def _checked_path(config: Config, args: argparse.Namespace) -> Path:
    from ragkit.config.cut_over import store_word

    if config.path is None:
        flag = "--cut-over" if args.cut_over else "--dual-write"
        raise ConfigError(f"{flag} changes a rag.yaml, and none is named. Name one: --config rag.yaml")
    if any(given.partition("=")[0] == "collection.store" for given in args.set):
        raise ConfigError("the word in the file is to be changed, and --set collection.store overrides it")
    store_word(config.path.read_text("utf-8-sig"), str(config.path))
    return config.path


def _how_to_cut_over(path: Path | None, before: str, to: str) -> str:
    from ragkit.config.cut_over import store_word

    if path is None:
        return f"to cut over, name {to!r} as collection.store in place of {before!r}"
    try:
        found = store_word(path.read_text("utf-8-sig"), str(path))
    except ConfigError as e:
        return f"to cut over to {to!r}: {e}"
    place = f"{path}:{found.line}: {found.text}"
    return f"to cut over, write {to!r} in place of {before!r} (or run it with --cut-over): {place}"


def _print(done: Migration, what: str) -> None:
    from ragkit.cli.show import print_facts, print_lines

    parity = done.parity
    facts: dict[str, Any] = {
        "copied": f"{done.copied} documents ({done.replaced} replaced), {done.chunks} chunks",
        **({"removed there": f"{done.removed} documents"} if done.removed else {}),
        "there already": f"{done.there} documents",
        "compared": f"{parity.documents} documents, {parity.chunks} chunks with their vectors",
        "sample questions": f"{parity.queries}, {parity.identical} with the same ids in the same order",
        "overlap of the ten best": f"{parity.overlap:.4f}"
        + ("" if parity.is_exact else " (one of the stores is approximate)"),
        "differences": parity.n_problems,
        "seconds": f"{done.seconds:.1f}",
    }
    print_facts(f"{what}: {'the same' if parity.ok else 'NOT THE SAME'}", facts)
    print_lines([f"  {problem}" for problem in parity.problems])


def _say(*lines: str) -> None:
    from ragkit.cli.show import print_lines

    print_lines(lines)
