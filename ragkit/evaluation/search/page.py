"""A search as one HTML page that loads nothing, and its drawing as an SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ragkit.evaluation.search.plot import (
    HEIGHT,
    STYLE,
    WIDTH,
    drawing,
    held_out_marks,
    pairs,
    race_marks,
    svg,
)
from ragkit.evaluation.search.search import Findings
from ragkit.evaluation.search.table import front_table
from ragkit.evaluation.search.written import statement

_CSS = """
:root{--ink:#1f2328;--soft:#59636e;--line:#d8dee4;--paper:#fff;--front:#0b62d6;--own:#c2410c;--other:#8b949e}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--paper:#0d1117;
--front:#58a6ff;--own:#f0883e;--other:#6e7681}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:24px 16px 48px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 8px}
p{max-width:76ch;margin:8px 0}.soft{color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:12px}
.plots svg{width:100%;height:auto;border:1px solid var(--line);border-radius:6px}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{font-weight:600;color:var(--soft)}td.text,th.text{text-align:left;white-space:normal;min-width:200px}
tr.winner td{font-weight:600}
.key span{margin-right:18px;white-space:nowrap}
.dot{display:inline-block;width:11px;height:11px;border-radius:50%;margin-right:6px;vertical-align:-1px}
.dot.own{border-radius:0;background:var(--own)}
.dot.front{background:var(--front)}.dot.racing{background:var(--other)}
.dot.left{border:1.5px solid var(--other)}
details summary{cursor:pointer;font-weight:600;margin:24px 0 8px}
"""


def search_svg(findings: Findings) -> str:
    """The drawing by itself: for each pair of objectives, the race at the left, the held-out questions at the
    right."""
    rows = pairs(findings.objectives)
    parts = []
    for n in range(len(rows)):
        left, right = _drawings(findings, n)
        parts.append(f'<g transform="translate(0,{n * HEIGHT})">{left}</g>')
        parts.append(f'<g transform="translate({WIDTH},{n * HEIGHT})">{right}</g>')
    label = f"Configurations by {', '.join(objective.metric for objective in findings.objectives)}"
    return svg("\n".join(parts), 2 * WIDTH, max(1, len(rows)) * HEIGHT, label, styled=True)


def search_page(findings: Findings, title: str) -> str:
    """The page: what was found, how far it may be trusted, every configuration that was tried."""
    table = front_table(findings)
    plots = "".join(
        svg(content, WIDTH, HEIGHT, label, styled=False)
        for n in range(len(pairs(findings.objectives)))
        for content, label in zip(
            _drawings(findings, n), ("In the race", "On held-out questions"), strict=True
        )
    )
    common = f"<p>All of them: {escape(', '.join(table.common))}.</p>" if table.common else ""
    found = (
        "Nothing was found that is better than the configuration as it was."
        if findings.winner_is_baseline
        else f"The winner is {findings.winner.candidate.id}: {findings.winner.candidate.label}."
    )
    note = f"<p>Note: {escape(findings.parts.note)}.</p>" if findings.parts.note else ""
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(", ".join(o.text for o in findings.objectives))}</p>',
        f"<p>{escape(found)} {escape(statement(findings))}</p>{note}",
        f'<div class="plots">{plots}</div>' if plots else "",
        _key() if plots else "",
        f"<h2>The front</h2>{common}",
        _table(table.table.head, table.table.rows, texts=(0,), winner=True),
        '<p class="soft">Figures with intervals are of the held-out questions; "race" is what the same '
        "configuration reached where it was picked. Changes are paired, against the configuration as it was; "
        "p by randomisation, corrected by Holm for all changes of the table.</p>",
        f"<h2>The race</h2>{_rounds(findings)}",
        _all(findings),
        _refused(findings),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<style>{_CSS}{STYLE}</style></head>\n<body>\n{''.join(body)}\n</body></html>\n"
    )


def _drawings(findings: Findings, n: int) -> tuple[str, str]:
    across, up = pairs(findings.objectives)[n]
    race, held = len(findings.parts.race), len(findings.parts.held_out)
    return (
        drawing(f"Race, up to {race:,} questions", race_marks(findings, across, up), across, up),
        drawing(f"{held:,} held-out questions", held_out_marks(findings, across, up), across, up),
    )


def _key() -> str:
    words = {
        "front": "on the front, by its number in the table",
        "own": "as it was",
        "racing": "came through the race",
        "left": "left it, on fewer questions",
    }
    dots = "".join(f'<span><i class="dot {kind}"></i>{word}</span>' for kind, word in words.items())
    return f'<p class="key soft">{dots}</p>'


def _rounds(findings: Findings) -> str:
    head = ("questions", "configurations", "shown to be worse", "set aside for the budget")
    rows = [(f"{r.questions:,}", f"{r.raced:,}", f"{r.worse:,}", f"{r.set_aside:,}") for r in findings.rounds]
    spent = findings.spent
    return _table(head, rows) + (
        f"<p>{spent.stage_runs:,} stage runs, {spent.stage_runs / spent.whole:.1%} of the {spent.whole:,} "
        f"that every configuration on every question takes by itself; with common stages run once that is "
        f"{spent.shared:,}. The front has {findings.hypervolume:.3f} of the box between the worst and the "
        "best of each objective.</p>"
    )


def _all(findings: Findings) -> str:
    head = ("", "configuration", "fate", "asked", "failed", *(o.metric for o in findings.objectives))
    rows = []
    for standing in findings.standings:
        means = [standing.mean(objective) for objective in findings.objectives]
        rows.append(
            (
                standing.candidate.id,
                standing.candidate.label,
                standing.why or "came through",
                f"{standing.asked:,}",
                f"{len(standing.failed):,}",
                *("–" if mean is None else f"{mean:,.4g}" for mean in means),
            )
        )
    return (
        f"<details><summary>All {len(rows):,} configurations, as they fared in the race</summary>"
        f"{_table(head, rows, texts=(1, 2))}</details>"
    )


def _refused(findings: Findings) -> str:
    refused = findings.grid.refused
    if not refused:
        return ""
    rows = [(one.label, one.reason) for one in refused]
    return (
        f"<details><summary>{len(rows):,} combinations that are no configuration</summary>"
        f"{_table(('combination', 'reason'), rows, texts=(0, 1))}</details>"
    )


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: tuple[int, ...] = (), winner: bool = False
) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=text' if n in texts else ''}>{escape(cell)}</{tag}>"
            for n, cell in enumerate(row)
        )

    lines = [
        f"<tr{' class=winner' if winner and n == 0 else ''}>{cells(row, 'td')}</tr>"
        for n, row in enumerate(rows)
    ]
    return f'<div class="scroll"><table><tr>{cells(head, "th")}</tr>{"".join(lines)}</table></div>'
