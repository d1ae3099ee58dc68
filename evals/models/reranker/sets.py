"""The public sets: their passages, their questions, and which question serves what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ragkit.evaluation.dataset import Dataset, load_dataset

Split = Literal["train", "fit", "test"]

TEST_ARTICLES, FIT_ARTICLES = 9, 2
_HEADING = re.compile(r"^\s*#+[^\n]*\n")
_ANCHOR = re.compile(r"\s*\{\s*#[\w-]+\s*\}")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage; `unit` is the page or article that it comes from."""

    id: str
    title: str
    text: str
    unit: str


@dataclass(slots=True)
class Asked:
    """A question and what is known of it.

    Args:
        set_name: the collection it is asked of.
        kind: question, claim, heading, or one of the generated kinds.
        relevant: grades by passage number.
        answers: texts that a passage which answers it holds; empty where nobody knows.
        with_title: whether passages are shown with their title.
        not_beside: passages that are no candidates, such as the one that the query was cut from.
    """

    id: str
    set_name: str
    kind: str
    split: Split
    text: str
    relevant: dict[int, int]
    answers: tuple[str, ...] = ()
    with_title: bool = True
    generated: bool = False
    not_beside: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Collection:
    """Passages with their questions. Passages that generation alters are added behind the first `n_own`."""

    name: str
    passages: list[Passage]
    asked: list[Asked]
    untouched: set[int] = field(default_factory=set)
    n_own: int = 0

    def __post_init__(self) -> None:
        self.n_own = len(self.passages)


def chance(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def collections(data: Path) -> Iterator[Collection]:
    """Every collection, with its judged questions."""
    yield from squad_and_xquad(data)
    yield judged("hotpot", load_dataset(data / "hotpotqa-200"), train=0.75)
    yield judged("2wiki", load_dataset(data / "2wiki-train-500"), train=0.8)
    yield scifact(data)
    yield fastapi(data)
    yield tatqa(data)
    yield win32(data)
    yield judged("cranfield", load_dataset(data / "cranfield"), train=None, titles=False)
    yield judged("mtrag", load_dataset(data / "mtrag-un-dev"), train=None)


def judged(
    name: str, data: Dataset, *, train: float | None, kind: str = "question", titles: bool = True
) -> Collection:
    """A set as it is: `train` of its questions to train on, the rest for the blend; None: all measured on."""
    passages = [Passage(row.id, row.title if titles else "", row.text, row.id) for row in data.corpus()]
    at = {passage.id: number for number, passage in enumerate(passages)}
    asked = []
    for id_, question in data.judged.items():
        split: Split = "test" if train is None else "train" if chance(id_) < train else "fit"
        relevant = {at[document]: grade for document, grade in data.qrels[id_].items()}
        asked.append(Asked(id_, name, kind, split, question.text, relevant, question.answers))
    return Collection(name, passages, asked)


def squad_and_xquad(data: Path) -> Iterator[Collection]:
    """SQuAD cut by article; of XQuAD, which takes passages of the same articles, the unseen ones."""
    squad = load_dataset(data / "squad11-dev")
    passages = [Passage(row.id, row.title, row.text, row.title) for row in squad.corpus()]
    articles = sorted(
        {passage.unit for passage in passages}, key=lambda title: hashlib.sha256(title.encode()).hexdigest()
    )
    unseen, fit = set(articles[:TEST_ARTICLES]), set(articles[TEST_ARTICLES : TEST_ARTICLES + FIT_ARTICLES])
    at = {passage.id: number for number, passage in enumerate(passages)}
    asked = []
    for id_, question in squad.judged.items():
        relevant = {at[document]: grade for document, grade in squad.qrels[id_].items()}
        unit = passages[next(iter(relevant))].unit
        split: Split = "test" if unit in unseen else "fit" if unit in fit else "train"
        asked.append(Asked(id_, "squad", "question", split, question.text, relevant, question.answers))
    own = {number for number, passage in enumerate(passages) if passage.unit in unseen}
    yield Collection("squad", passages, asked, untouched=own)
    keys = {_key(title) for title in unseen}
    xquad = judged("xquad", load_dataset(data / "xquad-dev" / "en"), train=None)
    xquad.asked = [
        one
        for one in xquad.asked
        if _key(xquad.passages[next(iter(one.relevant))].id.rsplit("-x", 1)[0]) in keys
    ]
    yield xquad


def scifact(data: Path) -> Collection:
    """Test claims are measured on; abstracts that they are judged on are never a generated positive."""
    collection = judged("scifact", load_dataset(data / "scifact", split="train"), train=0.85, kind="claim")
    test = judged("scifact", load_dataset(data / "scifact", split="test"), train=None, kind="claim")
    collection.asked += test.asked
    collection.untouched = {number for one in test.asked for number in one.relevant}
    return collection


def fastapi(data: Path) -> Collection:
    """Headings ask for their section, which is shown without its heading line."""
    folder = data / "fastapi-docs" / "en"
    source = load_dataset(folder)
    passages = [
        Passage(
            row.id,
            "",
            _ANCHOR.sub("", _HEADING.sub("", row.text, count=1)) or row.title,
            row.id.split("#")[0],
        )
        for row in source.corpus()
    ]
    at = {passage.id: number for number, passage in enumerate(passages)}
    asked = []
    for id_, question in source.judged.items():
        relevant = {at[document]: grade for document, grade in source.qrels[id_].items()}
        split: Split = "train" if chance(passages[next(iter(relevant))].unit) < 0.75 else "fit"
        asked.append(Asked(id_, "fastapi", "heading", split, question.text, relevant))
    return Collection("fastapi", passages, asked)


def tatqa(data: Path) -> Collection:
    """Questions on financial reports, for the blend alone."""
    source = load_dataset(data / "tatqa-dev")
    collection = judged("tatqa", source, train=0.0)
    for number, row in enumerate(source.corpus()):
        passage = collection.passages[number]
        collection.passages[number] = Passage(passage.id, "", passage.text, str(row.metadata["report"]))
    return collection


def win32(data: Path) -> Collection:
    """Prose from one page in twenty of the Windows documentation; it has generated queries only."""
    passages = []
    for row in load_dataset(data / "scale-win32-en").corpus():
        page = row.id.rsplit("#", 1)[0]
        letters = sum(sign.isalpha() or sign == " " for sign in row.text)
        if (
            chance(page) < 0.05
            and len(row.text) > 200
            and letters / len(row.text) > 0.75
            and "|--" not in row.text
        ):
            passages.append(Passage(row.id, row.title, row.text, page))
    return Collection("win32", passages, [])


def _key(title: str) -> str:
    return re.sub(r"[\W_]+", "", title.lower())
