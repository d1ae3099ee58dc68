"""`ragkit prompt`: the exact words that a chat model is asked with."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ragkit.cli.options import (
    add_index_options,
    add_json_option,
    add_reader_options,
    config_from,
    open_rag,
    parsed_filter,
)
from ragkit.cli.options import print_json as emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit.chat import Message
    from ragkit.types import Turn

_SAMPLES = {"en": "What is it?", "ru": "Что это такое?"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Show the prompt of a stage that asks a chat model: with a question, what would be sent for it, "
        "passages and all; without one, the file with its places open. The model of the stage is not asked."
    )
    parser.epilog = (
        'Example: ragkit prompt "How long is the warranty?" --config rag.yaml\n'
        "         ragkit prompt --config rag.yaml > tone.txt    (then prompt: tone.txt in the stage)\n"
        '         ragkit prompt "And abroad?" --node condense --turn "How long is it?" --config rag.yaml'
    )
    parser.add_argument("question", nargs="?", help="a question, in quotes; without one the file is shown")
    parser.add_argument("--node", metavar="NAME", help="the stage (the last one that answers from passages)")
    parser.add_argument("--language", choices=list(_SAMPLES), default="en", help="of the file to show (en)")
    parser.add_argument(
        "--turn",
        action="append",
        default=[],
        metavar="TEXT",
        help="what was said before, the user's first turn first; once for each turn",
    )
    add_reader_options(parser)
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the prompt; as it is sent, except that a terminal gets no control characters."""
    if args.question is None:
        return _show_file(args)
    with open_rag(args) as rag:
        messages = rag.prompt(
            args.question,
            node=args.node,
            tenant=args.tenant,
            acl=args.acl,
            filter=parsed_filter(args),
            history=_turns(args.turn),
        )
    if args.json:
        emit({"messages": [{"role": m.role, "text": m.text} for m in messages], "tokens": _tokens(messages)})
        return 0
    _write("\n\n".join(f"--- {m.role} ---\n{m.text}" for m in messages) + "\n")
    print(f"about {_tokens(messages):,} tokens", file=sys.stderr)
    return 0


def _show_file(args: argparse.Namespace) -> int:
    from ragkit.chat import Prompted
    from ragkit.subgraph import prompted_node

    node = prompted_node(config_from(args).graph, args.node)
    assert isinstance(node.stage, Prompted)
    text = node.stage.prompt(_SAMPLES[args.language])
    if args.json:
        emit({"node": node.name, "use": node.stage.use, "prompt": text})
    else:
        _write(text)
    return 0


def _turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    """The texts as turns of the user and of the assistant, one after the other."""
    from ragkit.types import Turn

    return tuple(Turn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))


def _tokens(messages: Sequence[Message]) -> int:
    from ragkit.text.tokens import count_tokens

    return sum(count_tokens(message.text) for message in messages)


def _write(text: str) -> None:
    if sys.stdout.isatty():
        text = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
    sys.stdout.write(text)
