"""The command line: one file per verb, imported when its verb is called."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

VERBS: dict[str, tuple[str, str]] = {
    "init": ("ragkit.cli.init", "write a commented rag.yaml"),
    "ingest": ("ragkit.cli.ingest", "index files and folders"),
    "ask": ("ragkit.cli.ask", "one answer with its citations"),
    "chat": ("ragkit.cli.chat", "one question after another, with the turns before"),
    "retrieve": ("ragkit.cli.retrieve", "the passages alone, with scores"),
    "source": ("ragkit.cli.source", "a document's canonical text"),
    "status": ("ragkit.cli.status", "counts and states of an index"),
    "forget": ("ragkit.cli.forget", "remove documents or a tenant for good"),
    "compact": ("ragkit.cli.compact", "files without what was replaced or removed"),
    "verify": ("ragkit.cli.verify", "prove an index sound, or list what is damaged"),
    "repair": ("ragkit.cli.repair", "make damaged parts of an index anew"),
    "check": ("ragkit.cli.check", "validate the config and open what it names"),
    "migrate": ("ragkit.cli.migrate", "the same collection in another store, without embedding"),
    "import": ("ragkit.cli.import_index", "another library's index, without embedding"),
    "certify": ("ragkit.cli.certify", "whether a store behaves as every store must, on your server"),
    "graph": ("ragkit.cli.graph", "draw the graph"),
    "prompt": ("ragkit.cli.prompt", "the exact words that a chat model is asked with"),
    "models": ("ragkit.cli.models", "list local models, train a reranker for your collection"),
    "eval": ("ragkit.cli.eval", "run a suite, write a report, check its gate"),
    "compare": ("ragkit.cli.compare", "two runs side by side, question by question"),
    "search-config": ("ragkit.cli.search_config", "the best configurations of a space, tested apart"),
    "questions": ("ragkit.cli.questions", "make an evaluation set from your own documents"),
    "schema": ("ragkit.cli.schema", "JSON Schema of rag.yaml, for editors"),
}

DONE, FAILED, USAGE, GATE = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code: 0 done, 1 failed, 2 usage or config error, 3 a gate."""
    _make_any_text_printable()
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = next((a for a in arguments if not a.startswith("-")), None)
    parser = _parser(verb if verb in VERBS else None)
    args = parser.parse_args(arguments)
    if args.version:
        from importlib.metadata import version

        print(f"ragkit {version('ragkit')}")
        return DONE
    if args.verb is None:
        parser.print_help()
        return USAGE
    return _run(args)


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ragkit",
        description="Ask a folder of documents and get a cited answer.",
        epilog="Start: ragkit ingest docs/ && ragkit ask 'How long is the warranty?'",
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, (module, summary) in VERBS.items():
        # Only the verb that runs is imported, so that `ragkit --help` answers at once.
        sub = verbs.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        sub.add_argument("--debug", action="store_true", help="show a traceback when something fails")
        if name == verb:
            importlib.import_module(module).configure(sub)
    return parser


def _run(args: argparse.Namespace) -> int:
    from ragkit.errors import ConfigError, GateFailedError, GraphError, RagkitError

    module = importlib.import_module(VERBS[args.verb][0])
    try:
        code: int = module.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # `ragkit ask … | head` closed the pipe: nothing is wrong, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        again = "with --resume " if hasattr(args, "resume") else ""
        print(f"interrupted; what was done is kept, run it again {again}to go on", file=sys.stderr)
        return 130
    except RagkitError as e:
        if args.debug:
            raise
        _complain(str(e))
        if isinstance(e, GateFailedError):
            return GATE
        return USAGE if isinstance(e, ConfigError | GraphError) else FAILED
    except Exception as e:
        if args.debug:
            raise
        expected = isinstance(e, OSError)
        _complain(str(e) if expected else f"{type(e).__name__}: {e}\nWhere it arose is shown with --debug")
        return FAILED


def _make_any_text_printable() -> None:
    """A file name that is no Unicode, or a quote on a terminal of ASCII alone, is shown as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(message: str) -> None:
    # A message may quote a file name, and that must not drive the terminal.
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)
    print(f"error: {shown}", file=sys.stderr)
