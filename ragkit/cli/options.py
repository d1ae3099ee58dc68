"""The options that several verbs share, and how an index is opened from them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, RagkitError

if TYPE_CHECKING:
    from ragkit.app import RAG
    from ragkit.config.load import Config


def add_index_options(parser: argparse.ArgumentParser) -> None:
    """`--index DIR` for the embedded default, or `--config rag.yaml`; else `rag.yaml` here, or `./index`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--index", metavar="DIR", help="folder of an index with the default graph (./index)")
    group.add_argument("--config", metavar="FILE", help="a rag.yaml (./rag.yaml where there is one)")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="override a key of the config, for example: --set query.fuse.k=20",
    )


def add_reader_options(parser: argparse.ArgumentParser) -> None:
    """Who asks, and what may be seen: `--tenant`, `--acl`, `--filter`."""
    parser.add_argument("--tenant", help="the tenant, where the collection declares one")
    parser.add_argument(
        "--acl", action="append", metavar="GROUP", help="a group the reader belongs to (may be repeated)"
    )
    parser.add_argument("--filter", metavar="JSON", help='a filter, for example: \'{"lang": "ru"}\'')


def add_place_options(parser: argparse.ArgumentParser, what: str) -> None:
    """`--on` and `--workers`: where the work is done; `what` says which."""
    parser.add_argument(
        "--on",
        default="local",
        metavar="PLACE",
        help=f"where it is {what}: local (this process), ray (the cluster of RAY_ADDRESS, else one "
        "is started for this run), ray://HOST:10001; a secret on the command line would be noted by Ray",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="how many workers there; as many as it has slots by default"
    )
    parser.add_argument("--gpus", type=float, metavar="N", help="GPUs that each worker holds (0)")


def add_json_option(parser: argparse._ActionsContainer) -> None:
    """`--json`: one JSON object on stdout."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def config_from(args: argparse.Namespace) -> Config:
    """The configuration that the options name, without opening anything."""
    from ragkit.config.defaults import default_config
    from ragkit.config.load import load_config

    overrides = dict(_assignment(text) for text in args.set)
    for option, given in (("--config", args.config), ("--index", args.index)):
        if given == "":
            raise ConfigError(f"{option} is empty: expected a path. Is a variable unset?")
    if args.config or (args.index is None and Path("rag.yaml").exists()):
        return load_config(Path(args.config or "rag.yaml"), set=overrides)
    return default_config(args.index or "index", set=overrides)


def open_rag(args: argparse.Namespace, *, create: bool = False) -> RAG:
    """The RAG that the options name.

    Args:
        args: with the options of `add_index_options`.
        create: whether an index that does not exist may be made.
    """
    from ragkit.app import RAG

    return RAG(config_from(args), create=create)


def parsed_filter(args: argparse.Namespace) -> dict[str, Any] | None:
    """The value of `--filter`.

    Raises:
        ConfigError: it is not a JSON object.
    """
    return parsed_object("--filter", args.filter or None)


def parsed_object(option: str, text: str | None) -> dict[str, Any] | None:
    """The value of an option that takes a JSON object, None where it was not given.

    Raises:
        ConfigError: it is not a JSON object.
    """
    if text is None:
        return None
    example = f'Example: {option} \'{{"lang": "ru"}}\''
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise ConfigError(f"{option} is not JSON: {e}. {example}") from e
    if not isinstance(value, dict):
        raise ConfigError(f"{option} must be a JSON object. {example}")
    return value


def print_json(value: object) -> None:
    """One JSON object on stdout, readable in any script where the terminal can show it.

    Raises:
        RagkitError: it holds NaN or an infinity, which JSON does not know; nothing is printed.
    """
    sys.stdout.write(_json(value, indent=2) + "\n")


def print_json_line(value: object) -> None:
    """One JSON object on a line of its own, at once.

    Raises:
        RagkitError: as `print_json`.
    """
    sys.stdout.write(_json(value, indent=None) + "\n")
    sys.stdout.flush()


def _json(value: object, *, indent: int | None) -> str:
    knows_unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    try:
        return json.dumps(value, ensure_ascii=not knows_unicode, indent=indent, allow_nan=False)
    except ValueError as e:
        raise RagkitError(
            f"the result holds a number that JSON does not know: {e}. A model or a stage of your own may "
            "have given it. See it without --json"
        ) from e


def _assignment(text: str) -> tuple[str, Any]:
    """The key and the value of a `--set`. What is no list, mapping or quoted text is taken as it stands.

    Numbers and flags stay texts: the type of the setting says how they are read, as in a file.
    """
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {text}: expected KEY=VALUE, for example: --set query.fuse.k=20")
    value = value.strip()
    if not value.startswith(("[", "{", '"', "'")):
        return key, value
    import yaml

    try:
        return key, yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506  (makes texts, lists, mappings alone)
    except (yaml.YAMLError, RecursionError) as e:
        # Without the value, which may be a key or a password.
        reason = getattr(e, "problem", None) or "nested too deeply"
        raise ConfigError(f"--set {key}: the value is not valid YAML: {reason}") from e
