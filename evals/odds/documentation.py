"""Questions about a product's documentation, in English and Russian, some of which it does not answer.

They are in `evals/documentation_questions.jsonl`, written for this: a line has a question, and, where the
documentation answers it, the page and a regular expression that the sentences which answer match. The
documentation is FastAPI's, in Markdown, one folder for each language.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import ragkit
from odds.asked import Asked, Watched, as_asked, graph

QUESTIONS = Path(__file__).parent.parent / "documentation_questions.jsonl"


def asked(folder: Path, language: str) -> Iterator[Asked]:
    """Every question of a language: `in`; `near` without its page, and where no page answers it.

    Args:
        folder: `fastapi-docs`, with the pages in `raw/LANGUAGE`.
        language: `en` or `ru`.
    """
    rows = [row for row in _rows() if row["language"] == language]
    with tempfile.TemporaryDirectory() as index, ragkit.open(index, graph=graph()) as rag:
        rag.ingest(folder / "raw" / language, progress=False)
        for row in rows:
            for mode in ("in", "near") if "page" in row else ("near",):
                # The id of a document is its path below the folder.
                Watched.without = row.get("page") if mode == "near" else None
                rag.ask(row["question"])
                one = as_asked(mode, _about(row), _says(row))
                if one is not None:
                    yield one


def pages() -> set[str]:
    """What all questions are about: a page, or a number where nothing answers, shared by both languages."""
    return {_about(row) for row in _rows()}


def _rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


def _about(row: dict[str, str]) -> str:
    return row.get("page", row["id"].removeprefix(f"{row['language']}-"))


def _says(row: dict[str, str]) -> Callable[[str, int, int, str], bool]:
    answers = re.compile(row["says"]) if "says" in row else None
    return lambda _document, _start, _end, words: answers is not None and bool(answers.search(words))
