"""`ragkit check`: validate the config and open everything it names."""

from __future__ import annotations

import argparse

from ragkit.cli.options import add_index_options, add_json_option, open_rag
from ragkit.cli.options import print_json as emit


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Validate the config, load its models, reach its store, and build its graph."
    parser.epilog = "Example: ragkit check --config rag.yaml"
    add_index_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what was checked; a mistake ends with code 2 and says where it is."""
    with open_rag(args, create=True) as rag:
        facts = rag.check()
    if args.json:
        emit({"ok": True, "checked": facts})
        return 0
    from ragkit.cli.show import print_facts

    print_facts("all checks passed", facts)
    return 0
