"""The client's package, imported without what it does beside.

On import it reads a file `.env` that lies above its folder into the environment, and it writes every failed
call with its traceback to stderr, also those that are expected here; all of them become our errors anyway.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

_SWITCH = "PYTHON_DOTENV_DISABLED"
_lock = threading.Lock()


def pymilvus() -> Any:
    """The package."""
    with _lock:
        before = os.environ.get(_SWITCH)
        os.environ[_SWITCH] = "1"
        try:
            import pymilvus as package
        finally:
            if before is None:
                del os.environ[_SWITCH]
            else:
                os.environ[_SWITCH] = before
        logger = logging.getLogger("pymilvus.decorators")
        if logger.level == logging.NOTSET:  # who asked for its messages gets them
            logger.setLevel(logging.CRITICAL)
        return package
