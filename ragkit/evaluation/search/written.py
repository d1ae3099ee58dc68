"""What a search found, as plain values, and as a `rag.yaml`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ragkit.evaluation.search.confirm import Confirmed
from ragkit.evaluation.search.search import Findings
from ragkit.evaluation.search.secrets import without_secrets
from ragkit.evaluation.search.standing import Standing
from ragkit.evaluation.stats import probability

_WIDTH = 110


def search_json(findings: Findings) -> dict[str, Any]:
    """All of it for programs; the same search gives the same values, but for times where time is searched."""
    spent = findings.spent
    return {
        "objectives": [objective.text for objective in findings.objectives],
        "winner": findings.winner.candidate.id,
        "baseline": findings.baseline.candidate.id,
        "statement": statement(findings),
        "front": [_row(findings, standing) for standing in findings.front],
        "baseline_held_out": _confirmed(findings.confirmed[findings.baseline.candidate.id]),
        "hypervolume": findings.hypervolume,
        "combinations": findings.grid.combinations,
        "configurations": [_standing(findings, standing) for standing in findings.standings],
        "refused": [dataclasses.asdict(refused) for refused in findings.grid.refused],
        "questions": {
            "race": len(findings.parts.race),
            "held_out": len(findings.parts.held_out),
            "clusters": len(set(findings.parts.clusters.values())),
            "note": findings.parts.note,
        },
        "rounds": [dataclasses.asdict(each) for each in findings.rounds],
        "spent": {
            "stage_runs": spent.stage_runs,
            "whole_grid": spent.whole,
            "whole_grid_shared": spent.shared,
        },
        "facts": {k: v for k, v in findings.facts.items() if k not in ("race", "held_out")},
    }


def statement(findings: Findings) -> str:
    """How far the figures may be trusted, in words."""
    n = len(findings.standings)
    raced, held = len(findings.parts.race), len(findings.parts.held_out)
    return (
        f"{n:,} configurations were tried on {raced:,} questions, and {findings.winner.candidate.id} was "
        f"picked there by {findings.objectives[0].text}. The figures that count are those of {held:,} other "
        "questions, which were asked once, afterwards, and decided nothing. What a configuration reached in "
        "the race, where the best of many is also the luckiest, is too good on average."
    )


def best_yaml(findings: Findings, source: Path) -> str:
    """The winner as a `rag.yaml`, the evidence on top; with variables where the source has secrets."""
    winner = findings.winner
    document, secret = without_secrets(dict(winner.candidate.document), winner.candidate.config.describe())
    head = [
        f"Found by ragkit search-config from {source.name}: {winner.candidate.id}, {winner.candidate.label}",
        *_evidence(findings),
        statement(findings),
        *(
            f"{key} is a secret and not written here: it is taken from ${{{name}}}"
            for key, name in secret.items()
        ),
        f"Relative paths in it count from its folder: put it where {source.name} is.",
    ]
    lines = [line for text in head for line in _wrapped(text)]
    body = yaml.safe_dump(
        document,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=_WIDTH,
    )
    return "".join(f"# {line}\n" for line in lines) + body


def _evidence(findings: Findings) -> list[str]:
    confirmed = findings.confirmed[findings.winner.candidate.id]
    own = findings.confirmed[findings.baseline.candidate.id]
    lines = []
    for metric, figure in confirmed.figures.items():
        line = f"{metric} on held-out questions: {figure}"
        change = confirmed.changes.get(metric)
        if change is not None:
            line += f"; {source_word(own, metric)} {change} (p Holm {probability(confirmed.p_holm[metric])})"
        lines.append(line)
    return lines


def source_word(own: Confirmed, metric: str) -> str:
    """`as it was 0.612, change`: what a change starts from."""
    figure = own.figures.get(metric)
    return f"as it was {figure.mean:.3f}, change" if figure else "change"


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH - 2:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def _row(findings: Findings, standing: Standing) -> dict[str, Any]:
    confirmed = findings.confirmed.get(standing.candidate.id)
    row: dict[str, Any] = {
        "id": standing.candidate.id,
        "label": standing.candidate.label,
        "choices": dict(standing.candidate.choices),
        "race": standing.means(findings.objectives),
    }
    return row if confirmed is None else {**row, **_confirmed(confirmed)}


def _confirmed(confirmed: Confirmed) -> dict[str, Any]:
    return {
        "held_out": {metric: dataclasses.asdict(figure) for metric, figure in confirmed.figures.items()},
        "change": {
            metric: {**dataclasses.asdict(change), "p_holm": confirmed.p_holm[metric]}
            for metric, change in confirmed.changes.items()
        },
    }


def _standing(findings: Findings, standing: Standing) -> Mapping[str, Any]:
    return {
        "id": standing.candidate.id,
        "label": standing.candidate.label,
        "same": list(standing.candidate.same),
        "fate": standing.fate,
        "why": standing.why,
        "asked": standing.asked,
        "failed": len(standing.failed),
        "race": standing.means(findings.objectives),
    }
