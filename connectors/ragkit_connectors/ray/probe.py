"""What a node says of itself, without needing ragkit there: its name, and which ragkit it has."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any


def node_name() -> str:
    """The name of this machine, for people."""
    return socket.gethostname()


def probe() -> Callable[[], dict[str, Any]]:
    """A function that is sent by its code: it stands within another, so that no node looks it up by name."""

    def look() -> dict[str, Any]:
        import importlib.metadata
        import importlib.util

        # Nothing of ragkit is imported: that takes a second, and each worker does it once more.
        try:
            is_there = importlib.util.find_spec("ragkit_connectors") is not None
            return {"ragkit": importlib.metadata.version("ragkit") if is_there else None}
        except Exception as e:
            return {"ragkit": None, "error": f"{type(e).__name__}: {e}"}

    return look
