"""How answers, rankings and reports look in a terminal.

Document text is printed as plain text: markup and control sequences in it have no effect.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ragkit.ingest.report import IngestReport
    from ragkit.status import Status
    from ragkit.types import Answer, Ranking

_SHOWN_CHARS = 240
_LISTED = 20
_NEAREST = 3
_STATUS_WORDS = {
    "generation": "compactions",
    "kept_from_commit": "oldest commit that can be read",
    "replaced_chunks": "replaced chunks still in the files",
    "to_erase": "forgotten content still in the files",
    "unread_chunks": "chunks that the reranker reads when they are found (ragkit repair reads them now)",
}
_OF_A_SERVER = "forgotten content that can still be read (its engine decides when bytes leave its files)"
_TOLD_OTHERWISE = frozenset({"quarantined_documents", "erases_files"})


def print_answer(answer: Answer) -> None:
    """The answer, then every citation with its file, its heading or page, and its exact quote."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(plain(answer.text, "bold" if not answer.abstained else "yellow"))
    print_sources(answer)


def print_sources(answer: Answer) -> None:
    """Every citation of an answer, and what is to be known about it."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    shown = ""
    for citation in answer.citations:
        place = f"  [{citation.marker}] {citation.uri or citation.document_id}"
        if citation.heading:
            place += f" › {citation.heading}"
        if citation.page:
            place += f", p. {citation.page}"
        if place != shown:
            console.print(plain(place, "cyan"))
            shown = place
        console.print(plain(f"      “{' '.join(citation.quote.split())}”", "dim"))
    if answer.generator == "generate/extractive" and not answer.abstained:
        console.print(
            plain("  (quoted from the documents word for word; no language model was asked)", "dim")
        )
    if answer.abstained and answer.reason == "no_evidence":
        _print_nearest(console, answer)
    if answer.cached:
        of = "the same question" if answer.cached == "result" else "a question that means the same"
        console.print(plain(f"  (kept from before, for {of})", "dim"))
    _print_degraded(console, answer.degraded)


def _print_nearest(console: Console, answer: Answer) -> None:
    """Where the passages stand that came nearest: whoever asks can look for himself."""
    passages = () if answer.context is None else answer.context.passages
    found = [passage.chunk for passage in sorted(passages, key=lambda passage: -passage.hit.score)]
    places = dict.fromkeys(f"{c.uri or c.document_id}{f' › {c.heading}' if c.heading else ''}" for c in found)
    if places:
        sure = "" if answer.confidence is None else f" ({answer.confidence:.0%} likely to answer it)"
        console.print(plain(f"  what came nearest{sure}:", "dim"))
    for place in list(places)[:_NEAREST]:
        console.print(plain(f"      {place}", "cyan"))


def print_ranking(ranking: Ranking) -> None:
    """Each hit with its score, its place, and the beginning of its text."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not ranking.hits:
        console.print("nothing found")
    for n, hit in enumerate(ranking.hits, start=1):
        parts = ", ".join(f"{name} {score:.3f}" for name, score in hit.scores.items())
        place = hit.chunk.uri or hit.chunk.document_id
        heading = f" › {hit.chunk.heading}" if hit.chunk.heading else ""
        console.print(plain(f"{n:>3}. {hit.score:.4f}  {place}{heading}", "bold"))
        console.print(plain(f"     {parts}", "cyan"))
        console.print(plain(f"     {_beginning(hit.chunk.text)}", "dim"))
    _print_degraded(console, ranking.degraded)


def print_report(report: IngestReport) -> None:
    """The counts, then documents that were deleted or not committed, each with stage and reason."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(
        plain(
            f"{report.seen} seen: {report.committed} committed, {report.unchanged} unchanged, "
            f"{report.quarantined} quarantined, {report.rejected} rejected; {report.deleted} deleted; "
            f"{report.chunks} chunks, {report.embedded_chunks} embedded, {report.seconds:.1f} s",
            "",
        )
    )
    # What left the index first: nothing else says so.
    for state in ("deleted", "quarantined", "rejected"):
        documents = [document for document in report.documents if document.state == state]
        for document in documents[:_LISTED]:
            line = f"  {state}: {document.uri} ({document.stage}): {document.reason}"
            console.print(plain(line, "yellow"))
        if len(documents) > _LISTED:
            console.print(f"  … and {len(documents) - _LISTED:,} more {state}; --json lists all of them")
    for note in report.notes:
        console.print(plain(f"  note: {note}", "cyan"))


def print_status(status: Status) -> None:
    """The counts, and what is quarantined."""
    told = {key: value for key, value in status.as_json().items() if key not in _TOLD_OTHERWISE}
    words = _STATUS_WORDS
    if status.holdings is not None and not status.holdings.erases_files:
        words = {**words, "to_erase": _OF_A_SERVER}
    print_facts("index", {words.get(key, key): value for key, value in told.items()})
    lines = [f"  {state.uri} ({state.stage}): {state.reason}" for state in status.quarantined]
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for line in lines:
        console.print(plain(line, "yellow"))


def print_lines(lines: Sequence[str]) -> None:
    """Plain lines."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for line in lines:
        console.print(plain(line, ""))


def print_facts(title: str, facts: dict[str, Any]) -> None:
    """Names and values, one to a line."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(plain(title, "bold"))
    for name, value in facts.items():
        console.print(plain(f"  {name.replace('_', ' ')}: {value}", ""))


def print_trace(trace: dict[str, Any]) -> None:
    """What each stage did and how long it took."""
    table = Table(title=f"trace {trace['id']}, {trace['seconds'] * 1e3:.1f} ms")
    for column in ("node", "stage", "status", "ms", "in", "out", "facts"):
        table.add_column(column, justify="right" if column in {"ms", "in", "out"} else "left")
    for node in trace["nodes"]:
        facts = ", ".join(f"{key}={value}" for key, value in node["facts"].items())
        table.add_row(
            *(
                plain(str("" if cell is None else cell), "")
                for cell in (
                    node["node"],
                    node["use"],
                    node["error"] or node["status"],
                    f"{node['duration_s'] * 1e3:.2f}",
                    node["n_in"],
                    node["n_out"],
                    facts,
                )
            )
        )
    Console(highlight=False).print(table)


def _print_degraded(console: Console, names: Sequence[str]) -> None:
    for name in names:
        console.print(plain(f"  degraded: {name}", "yellow"))


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


def plain(text: str, style: str) -> Text:
    """Text in one style, without control characters: a document must not drive the terminal."""
    return Text("".join(c if c.isprintable() or c in "\n\t" else " " for c in text), style=style)
