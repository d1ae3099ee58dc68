"""What it takes to make a run again: versions, commit, seed, checksums."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast


def dataset_fact(facts: Mapping[str, object], dataset: str, key: str) -> Any:
    """What the facts of a report say of a dataset; None where they do not."""
    datasets = cast(Mapping[str, Mapping[str, Any]], facts.get("datasets", {}))
    return datasets.get(dataset, {}).get(key)


def software(folder: Path) -> dict[str, Any]:
    """The version of ragkit, and the commit of the repository that a folder lies in.

    The commit is marked where tracked files differ from it; None outside a repository.
    """
    return {"ragkit": version("ragkit"), "commit": _commit(folder)}


def fingerprint(value: object) -> str:
    """The SHA-256 of plain values, whatever the order of their keys.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _commit(folder: Path) -> str | None:
    # A repository may name a program that watches its files: it is not started.
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(  # noqa: S603  (a list of our own words, no shell)
            [*command, "--abbrev=12", "--exclude=*"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
