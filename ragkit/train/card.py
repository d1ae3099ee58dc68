"""The model card and the report of a training: what it was made of, what it gains, where it does not help."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ragkit.train.export import SelfTest
from ragkit.train.fit_plan import Fitted
from ragkit.train.gain import FIRST_STAGE, METRICS, Gain
from ragkit.train.mining import CANDIDATES
from ragkit.train.recipe import Recipe

OWN = "this model"


@dataclass(frozen=True, slots=True)
class Account:
    """All that is told of a training.

    Args:
        name: of the model.
        start: name and fingerprint of the model that it started from.
        languages: that it knows; none: any.
        command: that made it.
        counts: what there was of what.
        recipe: the training's numbers.
        fitted: how the training went.
        test: the check of the export.
        gains: as measured, at least one.
        versions: of the packages that matter, and the device.
        candidates: passages that it was taught and measured to put in order.
    """

    name: str
    start: str = field(kw_only=True)
    languages: Sequence[str] = field(kw_only=True)
    command: str = field(kw_only=True)
    counts: Mapping[str, int] = field(kw_only=True)
    recipe: Recipe = field(kw_only=True)
    fitted: Fitted = field(kw_only=True)
    test: SelfTest = field(kw_only=True)
    gains: Sequence[Gain] = field(kw_only=True)
    versions: Mapping[str, str] = field(kw_only=True)
    candidates: int = field(default=CANDIDATES, kw_only=True)

    @property
    def is_worse(self) -> bool:
        """Whether it is proven to be worse than the first stage alone."""
        contrasts = [gain.comparison.contrast(METRICS[0], OWN) for gain in self.gains]
        return any(one.p_holm < 0.05 and one.difference.mean < 0 for one in contrasts)

    def use(self, folder: str) -> str:
        """How it is put to use, or what to do instead."""
        if self.is_worse:
            return (
                "Do not use it. Train longer (more --epochs, no --time-limit), give more questions, or start "
                "from a reranker with --from FOLDER."
            )
        return f"Use it in `rag.yaml`:\n\n```yaml\n{_usage(folder, self.candidates)}\n```"

    def verdict(self) -> str:
        """One sentence for each measurement: does it help, is it sure?"""
        return " ".join(_verdict(gain) for gain in self.gains)

    def as_json(self) -> str:
        """The content of `report.json`."""
        return json.dumps(self.as_plain(), indent=2, ensure_ascii=False) + "\n"

    def as_plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "name": self.name,
            "start": self.start,
            "command": self.command,
            "counts": dict(self.counts),
            "recipe": asdict(self.recipe),
            "training": {
                "ending": self.fitted.ending,
                "seconds": round(self.fitted.seconds, 1),
                "best_step": self.fitted.best.step,
                "best_by": self.fitted.by,
                "standings": [asdict(one) for one in self.fitted.standings],
            },
            "self_test": asdict(self.test),
            "gains": [_gain_json(gain) for gain in self.gains],
            "versions": dict(self.versions),
        }

    def as_markdown(self) -> str:
        """The content of `MODEL_CARD.md`."""
        fitted = self.fitted
        parts = [
            f"# {self.name}",
            "A reranker that orders passages by how well they answer a question, trained with ragkit "
            f"for one collection. Languages: {', '.join(self.languages) or 'any'}.",
            self.use("THIS FOLDER"),
            f"## What it gains\n\n{self.verdict()}",
            *(_gain_markdown(gain) for gain in self.gains),
            "## Where it does not help\n\n" + "\n".join(f"- {line}" for line in self._limits()),
            "## How it was made\n\n"
            + "\n".join(f"- {name}: {value:,}" for name, value in self.counts.items())
            + f"\n- started from: {self.start}\n- command: `{self.command}`\n- ended: {fitted.ending}, after "
            f"{fitted.standings[-1].step:,} steps; kept: those of step {fitted.best.step:,}, averaged, the "
            f"best by {fitted.by}\n- "
            + "\n- ".join(f"{name}: {value}" for name, value in self.versions.items()),
            "Documents, not questions, were parted: no passage of a document that the report's questions are "
            "about, and none that says nearly the same, was read in training, neither as an answer nor as "
            "anything else; nor had it a part in when to stop, or in the weights against the first stage. "
            "The `bias` that makes probabilities of scores, and changes no order, is of all that was found.",
            _table(("setting", "value"), [(name, str(value)) for name, value in asdict(self.recipe).items()]),
            # A whole model is judged alone, a head together with the first stage, as it learns.
            "While training, the questions that say when to stop stood like this:\n\n"
            + "\n".join(f"- {one}" for one in fitted.standings),
            f"The file against the torch model, {self.test.n} pairs: correlation "
            f"{self.test.correlation:.4f}, largest difference {self.test.largest:.3f}, "
            f"{self.test.inverted:.2%} of the pairs that are well apart ordered otherwise.",
        ]
        return "\n\n".join(parts) + "\n"

    def _limits(self) -> list[str]:
        limits = [
            "It is made for this collection. On others it may rank worse than the model it started from.",
            f"It reads {self.recipe.max_tokens} tokens at once; longer passages are read in windows.",
        ]
        if self.languages:
            limits.append(
                f"It knows {', '.join(self.languages)}; `rerank/model` leaves other questions alone."
            )
        for gain in self.gains:
            unreached = 1 - gain.in_reach
            limits.append(
                f"{gain.title}: for {unreached:.0%} of the questions no answer was among the candidates, "
                "which no reranker mends."
            )
            limits += [
                f"{gain.title}: it is worse than the first stage for questions of the kind '{kind}' "
                f"(nDCG@10 {means[OWN]:.3f} against {means[FIRST_STAGE]:.3f}, n={n})."
                for kind, (n, means) in gain.by_kind.items()
                if round(means[OWN], 3) < round(means[FIRST_STAGE], 3)  # as they are shown
            ]
        return limits


def _usage(folder: str, candidates: int) -> str:
    """The lines of `rag.yaml` that put a model to use."""
    return (
        f"models:\n  rerank: {{use: rerank/onnx, folder: {json.dumps(folder)}}}\n"
        f"query:\n  # after `fuse`, with `k: {candidates}`, and before `compress`\n"
        f"  rerank: {{use: rerank/model, model: rerank, candidates: {candidates}, k: 10}}"
    )


def _verdict(gain: Gain) -> str:
    contrast = gain.comparison.contrast(METRICS[0], OWN)
    change = contrast.difference
    direction = "better" if change.mean > 0 else "worse"
    if contrast.p_holm >= 0.05:
        told = (
            f"no difference to the first stage is proven (nDCG@10 {change.mean:+.3f}, p {contrast.p_holm:.3f}"
        )
    else:
        told = f"{direction} than the first stage alone (nDCG@10 {change.mean:+.3f}, p {contrast.p_holm:.4f}"
    if gain.over_start is not None:
        own = gain.over_start.contrast(METRICS[0], OWN)
        told += f"; against the {own.baseline} {own.difference.mean:+.3f}, p {own.p_holm:.4f}"
    return f"{gain.title}: {told}, n={change.n})."


def _gain_markdown(gain: Gain) -> str:
    systems = gain.comparison.systems
    rows = [
        (kind, f"{n:,}", *(f"{means[system]:.3f}" for system in systems))
        for kind, (n, means) in gain.by_kind.items()
    ]
    kinds = _table(("nDCG@10 by kind", "n", *systems), rows)
    over = "" if gain.over_start is None else f"{gain.over_start.markdown()}\n\n"
    return f"### {gain.title}\n\n{gain.comparison.markdown()}\n\n{over}{kinds}"


def _gain_json(gain: Gain) -> dict[str, Any]:
    comparison = gain.comparison
    return {
        "title": gain.title,
        "figures": {
            metric: {system: asdict(figure) for system, figure in figures.items()}
            for metric, figures in comparison.figures.items()
        },
        "differences": [
            asdict(contrast)
            for compared in (comparison, gain.over_start)
            if compared is not None
            for contrast in compared.contrasts
        ],
        "by_kind": {kind: {"n": n, "nDCG@10": dict(means)} for kind, (n, means) in gain.by_kind.items()},
        "in_reach": gain.in_reach,
        "failed": dict(gain.failed),
        "seed": comparison.seed,
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
