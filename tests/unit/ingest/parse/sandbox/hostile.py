"""Parsers that do to the worker process what a hostile document might make a real one do."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.format import Format
from ragkit.types import Span


def parser(name: str) -> Format:
    """The format whose parser is the function of this name here."""
    return Format(
        name,
        title="a test document",
        extensions=(),
        media_types=(),
        target=f"{__name__}:{name}",
        is_binary=True,
    )


def echo(data: bytes) -> Parsed:
    out = CanonicalText()
    out.page()
    out.heading("Head", level=1)
    out.block(data.decode())
    return out.build({"pid": os.getpid(), "tags": ("a", "b"), "price": 1.5})


def environment(data: bytes) -> Parsed:
    return Parsed(" ".join(sorted(os.environ)))


def prints(data: bytes) -> Parsed:
    print("noise" * 1000, flush=True)
    os.write(1, b"\x01\x02\x03")
    return Parsed("quiet")


def hangs(data: bytes) -> Parsed:
    time.sleep(60)
    return Parsed("never")


def burns(data: bytes) -> Parsed:
    while True:
        pass


def fills(data: bytes) -> Parsed:
    held = [bytearray(16 << 20) for _ in range(1000)]
    return Parsed(str(len(held)))


def segfaults(data: bytes) -> Parsed:
    ctypes.string_at(0)
    return Parsed("never")


def killed(data: bytes) -> Parsed:
    os.kill(os.getpid(), signal.SIGKILL)
    return Parsed("never")


def exits(data: bytes) -> Parsed:
    os.write(2, b"the last words\n")
    os._exit(3)


def raises(data: bytes) -> Parsed:
    raise KeyError("no such part")


def rejects(data: bytes) -> Parsed:
    raise DocumentError("it is no document", stage="load", rejected=True)


def recurses(data: bytes) -> Parsed:
    return recurses(data)


def lies(data: bytes) -> Parsed:
    return Parsed("short", blocks=(Span(0, 50),))


def floods(data: bytes) -> Parsed:
    return Parsed("x" * 10_000)
