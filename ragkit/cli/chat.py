"""`ragkit chat`: questions one after another; each answer knows the turns before it."""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import suppress
from typing import Any

from ragkit.cli.options import add_index_options, add_json_option, add_reader_options, open_rag, parsed_filter
from ragkit.cli.options import print_json as emit

TURNS_KEPT = 20
_HELP = "/new forgets the conversation, /exit or Ctrl-D ends it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Ask one question after another, each line one. Earlier turns are told to the stages that take them: "
        f"query/condense, so that a follow-up is searched for with its subject, and generate/cited. {_HELP}."
    )
    parser.epilog = (
        "Example: ragkit chat --config rag.yaml\n         printf 'How long?\\nAnd abroad?\\n' | ragkit chat"
    )
    add_reader_options(parser)
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Answers until the input ends. A question that fails is told, and the conversation goes on.

    With `--json` all turns come at the end, as one object.
    """
    from ragkit.cli.ask import answer_json
    from ragkit.cli.live import is_live, print_live
    from ragkit.cli.show import print_answer
    from ragkit.errors import ConfigError, GraphError, RagkitError
    from ragkit.types import Turn

    asked: dict[str, Any] = {"tenant": args.tenant, "acl": args.acl, "filter": parsed_filter(args)}
    history: list[Turn] = []
    turns: list[dict[str, Any]] = []
    with open_rag(args) as rag:
        if sys.stdin.isatty():
            print(_HELP)
        while (question := _line()) is not None:
            if question == "/new":
                history.clear()
            elif question:
                try:
                    if is_live() and not args.json:
                        answer = print_live(rag.stream(question, history=tuple(history), **asked))
                    else:
                        answer = rag.ask(question, history=tuple(history), **asked)
                except (ConfigError, GraphError):
                    raise
                except RagkitError as e:
                    turns.append({"question": question, "error": str(e)})
                    print(f"error: {e}", file=sys.stderr)
                    continue
                turns.append({"question": question, **answer_json(answer)})
                if not args.json and not is_live():
                    print_answer(answer)
                history += [Turn("user", question), Turn("assistant", answer.text)]
                del history[:-TURNS_KEPT]
    if args.json:
        emit({"turns": turns})
    return int(any("error" in turn for turn in turns) and not sys.stdin.isatty())


def _line() -> str | None:
    """The next question; None at the end."""
    if not sys.stdin.isatty():
        read = sys.stdin.readline()
        return None if not read or read.strip() == "/exit" else read.strip()
    with suppress(ImportError):
        importlib.import_module("readline")  # the arrow keys then work; Windows has none
    try:
        line = input("❯ ").strip()
    except EOFError:
        print()
        return None
    return None if line == "/exit" else line
