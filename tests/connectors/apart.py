"""A server that is imitated, in a process of its own, as a server is: for what measures its clients.

python -m tests.connectors.apart MODULE:SERVICE JSON
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.connectors.loopback import Loopback


@contextmanager
def served_apart(service: str, *arguments: Any, **attributes: Any) -> Iterator[str]:
    """The URL of such a server, for the time of a block.

    Args:
        service: `module:Class` of what answers.
        arguments: it is made with.
        attributes: that are set then.
    """
    with said_by("tests.connectors.apart", service, json.dumps([arguments, attributes])) as url:
        yield url


@contextmanager
def said_by(module: str, *arguments: str) -> Iterator[str]:
    """What a program says first, here its URL; its input ends with the block, and so does it."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def main(service: str, given: str) -> None:
    """Answers until its input ends."""
    module, _, name = service.partition(":")
    arguments, attributes = json.loads(given)
    made = getattr(importlib.import_module(module), name)(*arguments)
    for key, value in attributes.items():
        setattr(made, key, value)
    with Loopback(made) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
