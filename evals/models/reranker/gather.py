"""Gathers what the bundled reranker learns from and is judged by.

    python evals/models/reranker/gather.py DATA OUT

Writes OUT/training.npz (groups of question and passages as token ids) and OUT/judged.json (questions kept
apart, with their candidates, first-stage scores and grades).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from first_stage import FirstStage, Found
from kinds import generate, teacher_scores
from sets import Asked, Collection, collections
from tokenizers import Tokenizer

from ragkit.models.embedder import BUNDLED, OnnxEmbedder
from ragkit.text.analyze import Analyzer

CANDIDATES, OTHERS, FEWEST = 50, 24, 3
LONGEST = 500  # tokens of a passage


class Tokens:
    """Token ids of texts, each text once."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
        self.ids: list[np.ndarray] = []
        self._known: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text's ids in `ids`."""
        if text not in self._known:
            ids = self._tokenizer.encode(text, add_special_tokens=False).ids[:LONGEST]
            self._known[text] = len(self.ids)
            self.ids.append(np.array(ids, np.uint16))
        return self._known[text]


def shown(collection: Collection, number: int, with_title: bool) -> str:
    """A passage as the model reads it."""
    passage = collection.passages[number]
    return f"{passage.title}\n{passage.text}" if with_title and passage.title else passage.text


def others(collection: Collection, one: Asked, found: Found) -> list[int]:
    """Positions in `found` of passages that do not answer, as far as is known."""
    units = {collection.passages[number].unit for number in (*one.relevant, *one.not_beside)}
    answers = [answer.lower() for answer in one.answers if len(answer) > 3]
    kept = []
    for place, number in enumerate(found.passages.tolist()):
        passage = collection.passages[number]
        if number in one.relevant or number in one.not_beside:
            continue
        if one.generated and collection.name == "fastapi" and passage.unit in units:
            continue  # another part of the same page may answer as well
        if collection.name == "squad" and any(answer in passage.text.lower() for answer in answers):
            continue
        kept.append(place)
    return kept[:OTHERS]


def main() -> None:
    """Command line: DATA OUT."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    embedder, analyzer, rng, tokens = OnnxEmbedder(), Analyzer("en"), random.Random(7), Tokens()
    groups: list[dict[str, object]] = []
    judged: list[dict[str, object]] = []
    for collection in collections(arguments.data):
        texts = [shown(collection, number, True) for number in range(collection.n_own)]
        first = FirstStage(texts, embedder, analyzer)
        asked = [*collection.asked, *generate(collection, first, analyzer, rng)]
        for one, found in zip(asked, first.search([one.text for one in asked], CANDIDATES), strict=True):
            if one.split == "train":
                kept = others(collection, one, found)
                if len(kept) >= FEWEST:
                    groups.append(_group(collection, one, found, kept, tokens))
            elif one.kind != "similar":
                judged.append(_judged(collection, one, found))
        print(f"{collection.name}: {collection.n_own} passages, {len(asked)} questions", flush=True)
    _save(arguments.out / "training.npz", groups, tokens.ids)
    (arguments.out / "judged.json").write_text(json.dumps(judged), encoding="utf-8")


def _group(
    collection: Collection, one: Asked, found: Found, kept: list[int], tokens: Tokens
) -> dict[str, object]:
    relevant = [number for number, grade in one.relevant.items() if grade > 0]
    teacher = (
        teacher_scores(found.dense[kept], found.bm25[kept])
        if one.kind == "similar"
        else np.zeros(0, np.float32)
    )
    return {
        "kind": f"{'generated ' if one.generated else ''}{collection.name} {one.kind}",
        "question": tokens.number(one.text),
        "relevant": [tokens.number(shown(collection, number, one.with_title)) for number in relevant],
        "others": [tokens.number(shown(collection, int(found.passages[i]), one.with_title)) for i in kept],
        "teacher": teacher,
    }  # fmt: skip


def _judged(collection: Collection, one: Asked, found: Found) -> dict[str, object]:
    """A question with the passages to score; an altered passage takes the first place it could have had."""
    keep = [place for place, number in enumerate(found.passages.tolist()) if number not in one.not_beside]
    altered = [number for number in one.relevant if number >= collection.n_own]
    numbers = [*altered, *(int(found.passages[place]) for place in keep)]
    dense, bm25 = found.dense[keep], found.bm25[keep]
    return {
        "set": collection.name,
        "split": one.split,
        "kind": one.kind,
        "generated": one.generated,
        "text": one.text,
        "passages": [shown(collection, number, one.with_title) for number in numbers],
        "dense": [*([float(dense.max())] * len(altered)), *dense.tolist()],
        "bm25": [*([0.8 * float(bm25.max())] * len(altered)), *bm25.tolist()],
        "grades": [max(0, one.relevant.get(number, 0)) for number in numbers],
        "all_grades": [grade for grade in one.relevant.values() if grade > 0],
    }


def _save(path: Path, groups: Sequence[dict[str, object]], ids: Sequence[np.ndarray]) -> None:
    arrays: dict[str, np.ndarray] = {"kind": np.array([group["kind"] for group in groups])}
    columns = {
        "text": (ids, np.uint16),
        "relevant": ([group["relevant"] for group in groups], np.int32),
        "others": ([group["others"] for group in groups], np.int32),
        "teacher": ([group["teacher"] for group in groups], np.float32),
    }
    for name, (rows, kind) in columns.items():
        arrays[name] = np.concatenate([np.asarray(row, kind) for row in rows])  # type: ignore[union-attr]
        arrays[f"{name}_ends"] = np.cumsum([len(row) for row in rows])  # type: ignore[arg-type, union-attr]
    arrays["question"] = np.array([group["question"] for group in groups], np.int32)
    np.savez(path, **arrays)


if __name__ == "__main__":
    main()
