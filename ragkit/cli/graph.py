"""`ragkit graph`: draw the graph of stages."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, config_from
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Draw the graph of stages that a question runs through."
    parser.epilog = "Example: ragkit graph --config rag.yaml --format mermaid"
    parser.add_argument("--format", choices=["text", "mermaid"], default="text", help="how to draw (text)")
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the drawing; nothing is opened or loaded."""
    from ragkit.graph.draw import mermaid, text

    spec = config_from(args).graph
    if args.json:
        emit(
            {
                "nodes": [
                    {"name": node.name, "use": node.stage.use, "in": list(node.inputs)} for node in spec.nodes
                ],
                "output": spec.output,
            }
        )
    else:
        print(mermaid(spec) if args.format == "mermaid" else text(spec))
    return 0
