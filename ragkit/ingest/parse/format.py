"""One format: how it is recognised, who parses it, and what a parser's failure means for the document."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import Parsed
from ragkit.ingest.parse.limits import too_deep

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its short name, file extensions, media types, and its parser as `module:function`.

    Args:
        name: as in the metadata field `format`.
        title: what a person calls it, with its article.
        extensions: with their dots, in lower case.
        media_types: without parameters.
        target: the parser, which gives `Parsed`.
        is_binary: its parser takes the bytes and runs in the worker process; a text format's takes the
            decoded text and runs here.
        magic: the name that `load.sniff` gives it.
        package: what its parser imports beyond ragkit's own dependencies, and `extra` the extra with it.

    >>> from ragkit.ingest.parse.formats import FORMATS
    >>> next(row for row in FORMATS if row.name == "text").run("Hello.").text
    'Hello.'
    """

    name: str
    title: str = field(kw_only=True)
    extensions: tuple[str, ...] = field(kw_only=True)
    media_types: tuple[str, ...] = field(kw_only=True)
    target: str = field(kw_only=True)
    is_binary: bool = field(default=False, kw_only=True)
    magic: str | None = field(default=None, kw_only=True)
    package: str | None = field(default=None, kw_only=True)
    extra: str | None = field(default=None, kw_only=True)

    def parser(self) -> Callable[[Any], Parsed]:
        """The parser, imported when first used."""
        module, _, function = self.target.partition(":")
        parser: Callable[[Any], Parsed] = getattr(importlib.import_module(module), function)
        return parser

    def require(self) -> None:
        """Raises a `DocumentError` with the command to run where the package it needs is not installed."""
        if self.package is not None and importlib.util.find_spec(self.package) is None:
            reason = (
                f"it is {self.title}, which needs the package {self.package}, and that is not installed. "
                f"Run: pip install 'ragkit[{self.extra}]'"
            )
            raise DocumentError(reason, stage="parse", rejected=True)

    def run(self, content: str | bytes) -> Parsed:
        """What the parser gives for `content`; whatever it raises is a `DocumentError`."""
        parser = self.parser()
        try:
            return parser(content)
        except DocumentError:
            raise
        except RecursionError as e:
            raise too_deep("its parts") from e
        except Exception as e:
            if isinstance(e, MemoryError) and self.is_binary:
                raise  # the worker process says what it was allowed
            # A parser meets hostile input; whatever it raises concerns this document alone.
            logger.debug("the %s parser failed", self.name, exc_info=True)
            raise DocumentError(self._failure(e), stage="parse") from e

    def _failure(self, error: Exception) -> str:
        problem = " ".join(str(error).split())[:300]
        what = f"{type(error).__name__}: {problem}" if problem else type(error).__name__
        if self.is_binary:
            return f"{self.title} that cannot be read ({what}). Open it and save it again, or export its text"
        return f"the {self.name} parser failed ({what}). Ingest it as plain text (.txt)"
