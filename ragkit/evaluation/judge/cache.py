"""Judges' replies on disk: what was asked once is not asked again, after a kill either."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from types import TracebackType

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import EvalError
from ragkit.store.sqlite_file import keep_log

_TABLE = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)"


class ReplyCache:
    """A SQLite file with a model's replies, by what was asked, of which model, with which rubric.

    A reply is kept as it came, also one that cannot be read as a verdict: asking for it again would cost the
    same and give the same. What went wrong on the way (a timeout, a refused key) is not kept. Several
    processes may use one file.

    >>> cache = ReplyCache(":memory:")
    >>> cache.get("k") is None
    True
    >>> cache.put("k", Completion("yes", model="m", finish_reason="stop"))
    >>> cache.get("k").text
    'yes'
    >>> cache.close()

    Raises:
        EvalError: the file cannot be opened or is none of these.
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = Lock()
        self._where = str(path)
        try:
            if self._where != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(
                self._where, timeout=30.0, check_same_thread=False, isolation_level=None
            )
            # With the log, a reply is on its file when put returns: killing the process loses none.
            keep_log(self._base)
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_TABLE)
        except (sqlite3.Error, OSError) as e:
            raise self._unusable(e) from e

    def get(self, key: str) -> Completion | None:
        """The reply, or None where it was never asked for."""
        try:
            with self._lock:
                row = self._base.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return None if row is None else Completion(**json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError) as e:
            raise self._unusable(e) from e

    def put(self, key: str, reply: Completion) -> None:
        """Keeps a reply; the first one stays."""
        try:
            with self._lock:
                self._base.execute(
                    "INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, json.dumps(asdict(reply)))
                )
        except sqlite3.Error as e:
            raise self._unusable(e) from e

    def close(self) -> None:
        """Lets the file go."""
        with self._lock:
            self._base.close()

    def __enter__(self) -> ReplyCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unusable(self, error: Exception) -> EvalError:
        return EvalError(
            f"the cache of judges' replies {self._where} cannot be used: {error}. "
            "Free the place, or delete the file: its replies are then asked for again"
        )


def reply_key(model: ChatModel, shaping: str, messages: Sequence[Message]) -> str:
    """What a reply is kept under; `shaping` is what else it depends on, such as the rubric's fingerprint."""
    asked = [model.fingerprint, shaping, [[message.role, message.text] for message in messages]]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
