"""`ragkit schema`: the JSON Schema of rag.yaml."""

from __future__ import annotations

import argparse
from pathlib import Path

from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Print the JSON Schema of rag.yaml, for completion and checks in an editor."
    parser.epilog = (
        "Example: ragkit schema --output ragkit.schema.json\n"
        "Then put this on the first line of rag.yaml:\n"
        "# yaml-language-server: $schema=./ragkit.schema.json"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of the terminal")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity: the schema is JSON")


def run(args: argparse.Namespace) -> int:
    """Prints or writes the schema."""
    import json

    from ragkit.config.schema import json_schema

    schema = json_schema()
    if args.output:
        Path(args.output).write_text(
            json.dumps(schema, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
    else:
        emit(schema)
    return 0
