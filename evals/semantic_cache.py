"""How often the semantic cache gives the answer of another question: fitted on one half, reported on another.

    python evals/semantic_cache.py DATA

DATA holds the folders `paraphrase-en` (pairs of questions of one FAQ that ask the same or not) and
`squad11-dev` (many questions about each passage, each with its answer). Pairs are split in two by the hash
of their first question. On one half the highest threshold is taken at which at least 30 % of the pairs that
ask the same hit; it is reported once on the other half, with exact (Clopper-Pearson) 95 % intervals, beside
cosine alone at the threshold that gives cosine the same hit rate on the first half. The curve below is of
that other half too, to look at, not to choose by.

The pairs that ask something else were drawn at random, so they are far apart and easy. Two harder tests
follow. In the first, questions of SQuAD are kept and others asked, of the same articles: a hit is false where
the two have no answer in common. In the second, pairs written for this (`semantic_pairs.jsonl`, English and
Russian) differ in one thing; the checks of the cache were written with these in view, so they show what is
covered, not how well it does on what nobody thought of.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.cache.same.compare import difference
from ragkit.cache.semantic import SemanticCache
from ragkit.config.cache import SemanticCacheSettings
from ragkit.evaluation.dataset import load_dataset
from ragkit.models.cache import CachingEmbedder
from ragkit.models.embedder import OnnxEmbedder
from ragkit.protocols import TextKind, Vectors
from ragkit.types import Answer, QueryPlan

WANTED_HITS = 0.30
THRESHOLDS = [round(0.60 + 0.01 * step, 2) for step in range(40)]
Find = Callable[[str], str | None]


@dataclass(frozen=True)
class Pair:
    """Two questions, and whether they ask the same."""

    one: str
    other: str
    is_same: bool
    kind: str = ""
    lang: str = "en"


class Reader:
    """What reads questions here: the bundled embedder, which takes all of them to be English."""

    def __init__(self, size: int = 20_000) -> None:
        self._embedder = CachingEmbedder(OnnxEmbedder(), size=size)

    def knows(self, text: str) -> bool:
        """All are."""
        return True

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`."""
        return self._embedder.embed(texts, kind)

    def cosine(self, pair: Pair) -> float:
        """Of the two questions."""
        one, other = self.embed([pair.one, pair.other], "query")
        return float(one @ other)


def main() -> None:
    """Prints the fitted threshold, what it gives on the other half, and the two harder tests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with paraphrase-en and squad11-dev")
    args = parser.parse_args()
    reader = Reader()
    path = args.data / "paraphrase-en" / "pairs.jsonl"
    pairs = [Pair(row["q1"], row["q2"], bool(row["same"])) for row in rows(path)]
    fit = [pair for pair in pairs if is_first_half(pair.one)]
    rest = [pair for pair in pairs if not is_first_half(pair.one)]
    print(f"{path.parent.name}, checksum {checksum(path)}, {len(pairs)} pairs; embed/bundled")
    fitted = fitted_to(fit, reader, WANTED_HITS, hits)
    cosine_alone = fitted_to(fit, reader, hit_rate(fit, reader, fitted, hits), near)
    default = SemanticCacheSettings().threshold
    print(f"fitted on {len(fit)} pairs: threshold {fitted:.2f}; cosine alone {cosine_alone:.2f}")
    print(f"\non the {len(rest)} other pairs, of which {sum(p.is_same for p in rest)} ask the same:")
    print(f"  {'':<26}{'asks the same: hits':<34}asks something else: false hits")
    for name, threshold, test in (
        ("cache, fitted", fitted, hits),
        ("cosine alone", cosine_alone, near),
        ("cache, default", default, hits),
    ):
        same = [test(pair, reader, threshold) for pair in rest if pair.is_same]
        others = [test(pair, reader, threshold) for pair in rest if not pair.is_same]
        print(f"  {name:<16}{threshold:.2f}      {share(same):<34}{share(others)}")
    curve(rest, reader)
    faq(rest, pairs, reader, (fitted, cosine_alone, default))
    close_questions(args.data / "squad11-dev", reader, (fitted, cosine_alone, default))
    written_pairs(Path(__file__).parent / "semantic_pairs.jsonl", reader, (fitted, default))


def curve(rest: Sequence[Pair], reader: Reader) -> None:
    """Hits and false hits by threshold."""
    print("\nthe same pairs by threshold:")
    for threshold in THRESHOLDS[::5]:
        same = [hits(pair, reader, threshold) for pair in rest if pair.is_same]
        others = [hits(pair, reader, threshold) for pair in rest if not pair.is_same]
        print(f"  {threshold:.2f}  hits {share(same):<34}false hits {share(others)}")


def faq(
    rest: Sequence[Pair], pairs: Sequence[Pair], reader: Reader, thresholds: tuple[float, float, float]
) -> None:
    """All first questions of the half are kept, and each of its second ones is asked."""
    kept = sorted({pair.one for pair in rest})
    asked = sorted({pair.other for pair in rest if pair.is_same})
    same = {(pair.one, pair.other) for pair in pairs if pair.is_same}
    print(f"\nthe {len(kept)} first questions kept, the {len(asked)} second ones asked:")
    for name, find in finders(kept, reader, thresholds):
        found = [(one, question) for question in asked if (one := find(question)) is not None]
        print(f"  {name:<22}hits {share_of(len(found), len(asked)):<28}", end="")
        print(f"false, of the hits {share_of(sum(pair not in same for pair in found), len(found))}")


def close_questions(folder: Path, reader: Reader, thresholds: tuple[float, float, float]) -> None:
    """Half of the questions about each article are kept, the others asked."""
    data = load_dataset(folder)
    questions = {question.text: question.answers for question in data.judged.values() if question.answers}
    kept = [text for text in questions if is_first_half(text)]
    asked = [text for text in questions if not is_first_half(text)]
    print(
        f"\n{data.name}/{data.split}, checksum {data.checksum()[:12]}: {len(kept)} kept, {len(asked)} asked:"
    )
    for name, find in finders(kept, reader, thresholds):
        found = [(one, question) for question in asked if (one := find(question)) is not None]
        false = sum(not agree(questions[one], questions[other]) for one, other in found)
        print(f"  {name:<22}hits {share_of(len(found), len(asked)):<28}", end="")
        print(f"false, of all asked {share_of(false, len(asked))}")


def written_pairs(path: Path, reader: Reader, thresholds: tuple[float, float]) -> None:
    """By what the two differ in: how many hit, and (Russian too) how many the checks alone let through."""
    written = [Pair(row["q1"], row["q2"], bool(row["same"]), row["kind"], row["lang"]) for row in rows(path)]
    print(f"\n{path.name}, checksum {checksum(path)}: pairs that differ in one thing")
    fitted, default = (f"hit at {threshold:.2f}" for threshold in thresholds)
    print(f"  {'':<14}{'en':>4}  {fitted:<14}{default:<14}{'pass the checks':<18}{'ru':>4}  pass the checks")
    for kind in dict.fromkeys(pair.kind for pair in written):
        en, ru = ([p for p in written if p.kind == kind and p.lang == lang] for lang in ("en", "ru"))
        hit = [sum(hits(pair, reader, threshold) for pair in en) for threshold in thresholds]
        passed = [sum(difference(p.one, p.other) is None for p in some) for some in (en, ru)]
        print(f"  {kind:<14}{len(en):>4}  {hit[0]:<14}{hit[1]:<14}{passed[0]:<18}{len(ru):>4}  {passed[1]}")


def hits(pair: Pair, reader: Reader, threshold: float) -> bool:
    """Whether the second question is given the answer of the first."""
    return cached([pair.one], reader, threshold)(pair.other) is not None


def near(pair: Pair, reader: Reader, threshold: float) -> bool:
    """Whether cosine alone takes the two for one."""
    return reader.cosine(pair) >= threshold


def finders(
    kept: Sequence[str], reader: Reader, thresholds: tuple[float, float, float]
) -> Iterable[tuple[str, Find]]:
    """The cache at the fitted threshold, cosine alone, the cache as it is by default."""
    fitted, cosine_alone, default = thresholds
    yield f"cache, fitted {fitted:.2f}", cached(kept, reader, fitted)
    yield f"cosine alone {cosine_alone:.2f}", nearest(kept, reader, cosine_alone)
    yield f"cache, default {default:.2f}", cached(kept, reader, default)


def cached(kept: Sequence[str], reader: Reader, threshold: float) -> Find:
    """Finds in a cache that holds these questions; its answers are the questions themselves."""
    settings = SemanticCacheSettings(threshold=threshold, max_entries=len(kept))
    cache = SemanticCache(settings)
    for n, question in enumerate(kept):
        asked = cache.read(question, b"", reader)
        assert asked is not None
        cache.put(n.to_bytes(8, "big"), asked, Answer(QueryPlan.of(question), text=question), n_bytes=1)

    def find(question: str) -> str | None:
        asked = cache.read(question, b"", reader)
        hit = None if asked is None else cache.find(asked)
        return None if hit is None else hit.answer.text

    return find


def nearest(kept: Sequence[str], reader: Reader, threshold: float) -> Find:
    """Finds by cosine alone."""
    vectors = reader.embed(kept, "query")

    def find(question: str) -> str | None:
        cosines = vectors @ reader.embed([question], "query")[0]
        best = int(np.argmax(cosines))
        return kept[best] if cosines[best] >= threshold else None

    return find


def fitted_to(
    pairs: Sequence[Pair], reader: Reader, wanted: float, test: Callable[[Pair, Reader, float], bool]
) -> float:
    """The highest threshold at which so large a share of the pairs that ask the same hits."""
    return max(t for t in THRESHOLDS if hit_rate(pairs, reader, t, test) >= wanted)


def hit_rate(
    pairs: Sequence[Pair], reader: Reader, threshold: float, test: Callable[[Pair, Reader, float], bool]
) -> float:
    """Of the pairs that ask the same, the share that hits."""
    return float(np.mean([test(pair, reader, threshold) for pair in pairs if pair.is_same]))


def agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two questions have an answer in common: half of the words of the shorter one."""
    ours, theirs = ({w for text in texts for w in text.casefold().split()} for texts in (one, other))
    return len(ours & theirs) * 2 >= min(len(ours), len(theirs))


def share(outcomes: Sequence[bool]) -> str:
    """A share with its interval."""
    return share_of(sum(outcomes), len(outcomes))


def share_of(k: int, n: int) -> str:
    """`k` of `n` with the exact 95 % interval of Clopper and Pearson (1934)."""
    if not n:
        return "0 of 0"
    low = 0.0 if k == 0 else bisected(lambda p: 1 - binomial_below(k, n, p) < 0.025)
    high = 1.0 if k == n else bisected(lambda p: binomial_below(k + 1, n, p) > 0.025)
    return f"{k} of {n} = {k / n:.3f} [{low:.3f}, {high:.3f}]"


def binomial_below(k: int, n: int, p: float) -> float:
    """The probability of fewer than `k` of `n`."""
    logs = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p)
        + (n - i) * math.log1p(-p)
        for i in range(k)
    ]  # fmt: skip
    return math.fsum(map(math.exp, logs))


def bisected(is_below: Callable[[float], bool]) -> float:
    """The probability at which `is_below` ends to hold."""
    low, high = 1e-12, 1 - 1e-12
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


def is_first_half(text: str) -> bool:
    """By the hash of a text, so that it stays in its half whatever is added."""
    return hashlib.sha256(text.encode()).digest()[-1] % 2 == 0


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def checksum(path: Path) -> str:
    """Of a file, 12 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


if __name__ == "__main__":
    main()
