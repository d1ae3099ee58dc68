"""What stands around the figures: the gate, what it takes to make the run again, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ragkit.evaluation.page.drill import Drill
from ragkit.evaluation.page.html import Child, Markup, foreign, joined, tag
from ragkit.evaluation.page.numbers import count
from ragkit.evaluation.page.tables import Cell, Column, Header, records
from ragkit.evaluation.report import GateCheck

_RULES = tuple(map(Column, ("rule", "dataset", "pipeline", "measure", "fails if", "found")))


def gate_section(checks: Sequence[GateCheck]) -> Markup | None:
    """Each rule with whether it holds, those that do not first; None where the suite has none."""
    if not checks:
        return None
    broken = sum(not check.holds for check in checks)
    verdict = f"{count(broken, 'rule does', 'rules do')} not hold" if broken else "every rule holds"
    rows = [_check(check) for check in sorted(checks, key=lambda check: check.holds)]
    table = records(_RULES, rows, caption="Rules of the gate")
    title = tag("h2", "Gate: ", tag("span", verdict, class_="bad" if broken else "good"), id="gate-title")
    return tag("section", title, table, id="gate", aria_labelledby="gate-title")


def facts_section(facts: Mapping[str, object]) -> Markup:
    """Seed, versions, checksums: what it takes to make the run again."""
    title = tag("h2", "How it was made", id="facts-title")
    rows = [joined(tag("dt", foreign(name)), tag("dd", foreign(value))) for name, value in _flat(facts)]
    body = tag("dl", rows, class_="facts") if rows else tag("p", "Nothing is known of it.", class_="empty")
    return tag("section", title, body, id="facts", aria_labelledby="facts-title")


def cuts_section(drill: Drill) -> Markup:
    """What the page does not show, and where it is."""
    cuts: list[Child] = []
    if drill.hits_cut:
        cuts.append(
            f"Of each stage the first {count(drill.hits, 'passage is', 'passages are')} shown; "
            f"{count(drill.hits_cut, 'passage')} further down left out. Ranks count all of them."
        )
    if drill.passages_cut:
        cuts.append(
            f"Of {drill.passages_cut:,} of {count(drill.passages, 'passage')} only the beginning is shown: "
            "those that are no evidence, were not cited and stood lowest."
        )
    if drill.documents_missing:
        cuts.append(f"The text of {count(drill.documents_missing, 'document')} is not at hand.")
    if not cuts:
        cuts = ["Nothing: every passage of every stage is shown in whole."]
    title = tag("h2", "What this page leaves out", id="cuts-title")
    return tag(
        "section", title, tag("ul", [tag("li", cut) for cut in cuts]), id="cuts", aria_labelledby="cuts-title"
    )


def _check(check: GateCheck) -> list[Cell]:
    state = tag("span", "holds", class_="good") if check.holds else tag("b", "broken", class_="bad")
    texts = (check.dataset, check.pipeline, check.metric, check.rule, check.detail)
    return [Header(state), *(foreign(text) for text in texts)]


def _flat(facts: Mapping[str, object], above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in facts.items():
        path = f"{above} › {name}" if above else str(name)
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, list | tuple):
            yield path, ", ".join(map(str, value))
        elif value is not None:
            yield path, str(value)
