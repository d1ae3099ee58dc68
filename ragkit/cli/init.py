"""`ragkit init`: write a commented rag.yaml."""

from __future__ import annotations

import argparse
from pathlib import Path

from ragkit.cli.options import print_json as emit
from ragkit.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = "Write a commented rag.yaml that does what the embedded default does."
    parser.epilog = "Example: ragkit init && ragkit ingest docs/"
    parser.add_argument("path", nargs="?", default="rag.yaml", help="where to write (rag.yaml)")
    parser.add_argument("--language", choices=["en", "ru"], default="en", help="of the comments (en)")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Writes the file and says what to do next."""
    from ragkit.config.defaults import default_text

    path = Path(args.path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder. Name a file in it: {path / 'rag.yaml'}")
    if path.exists() and not args.force:
        raise ConfigError(f"{path} exists already. Choose another name, or overwrite it with --force")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder. Create it first: mkdir -p {path.parent}")
    path.write_text(default_text(args.language), encoding="utf-8")
    if args.json:
        emit({"path": str(path)})
    else:
        print(f"wrote {path}. Next: ragkit ingest DIR --config {path}")
    return 0
