"""The HTML document around the parts: head, policy, style, script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from ragkit.evaluation.page.html import Child, Markup, joined, tag, verbatim

_SCRIPTS = ("dom", "data", "route", "passage", "list", "reply", "question", "versus", "main")


def sheet(*body: Child, title: str) -> str:
    """A page that needs nothing else and can reach nothing else.

    Its policy allows one style and one script, by their hashes: a script or style that a text might bring in
    is not run, and no address can be loaded or sent to.
    """
    style, script = _style(), _script()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        verbatim("style", style),
    )
    page = tag("html", "\n", head, "\n", tag("body", *body, verbatim("script", script)), "\n", lang="en")
    return joined(Markup("<!doctype html>\n"), page, "\n").html


@cache
def _style() -> str:
    return _asset("page.css")


@cache
def _script() -> str:
    """The files of the script as one function, so that it leaves no name behind."""
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def _asset(name: str) -> str:
    return files("ragkit.evaluation.page").joinpath("assets", name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
