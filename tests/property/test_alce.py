"""Citation recall and precision are those of ALCE's definition, written down a second time from the paper."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from ragkit.evaluation.metrics.alce import CitedSentence, alce
from ragkit.evaluation.metrics.support import LexicalSupport, Supports
from tests.scale import scaled

SEED = 23
N_FIXTURES = scaled(4_000, part=8)
FACTS = [
    "the gate opens at nine", "the lamp is green", "the bridge has 12 arches", "no dog may enter",
    "tea costs 3 euro", "the museum is closed on Monday", "tickets are sold at the pier",
    "Лодка идёт до Риги",
]  # fmt: skip


@dataclass(frozen=True)
class Fixture:
    """Sentences with their citations, numbers of passages from 1 on, as a generator writes them."""

    sentences: tuple[tuple[str, tuple[int, ...]], ...]
    passages: tuple[str, ...]


def contained(premise: str, claim: str) -> bool:
    """Every fact of the claim stands in the premise."""
    return all(fact in premise for fact in claim.rstrip(".").split(" and "))


# --- the definition, section 4 of the paper, sentence by sentence -------------------------------------


def cited_passages(fixture: Fixture, citations: tuple[int, ...]) -> list[str] | None:
    """C_i, the passages that sentence i cites; None where one of them does not exist."""
    if any(not 1 <= number <= len(fixture.passages) for number in citations):
        return None
    return [fixture.passages[number - 1] for number in citations]


def concatenation_supports(passages: list[str], claim: str, phi: Supports) -> bool:
    return phi("\n".join(passages), claim)


def definition(fixture: Fixture, phi: Supports) -> tuple[float, float] | None:
    """Citation recall and citation precision.

    "Its citation recall is 1 iff there is at least one supporting citation (C_i is not empty) and
    phi(concat(C_i), s_i) = 1." "c_ij is *irrelevant* if (a) c_ij itself cannot support s_i, phi(c_ij, s_i) =
    0, AND (b) removing c_ij does not affect the rest of the citations to support s_i, phi(concat(C_i minus
    c_ij), s_i) = 1." "c_ij has a precision of 1 if s_i has recall = 1 and c_ij is not irrelevant." "We
    average over all statements for citation recall, over all citations for citation precision."
    """
    if not fixture.sentences:
        return None
    recalls: list[int] = []
    precisions: list[int] = []
    for claim, citations in fixture.sentences:
        passages = cited_passages(fixture, citations)
        recall = bool(passages) and concatenation_supports(passages or [], claim, phi)
        recalls.append(int(recall))
        # As its program does: citations next to one that does not exist are left out of the average.
        for j, passage in enumerate(passages or []):
            alone = phi(passage, claim)
            rest = [other for k, other in enumerate(passages or []) if k != j]
            rest_supports = bool(rest) and concatenation_supports(rest, claim, phi)
            irrelevant = (not alone) and rest_supports
            precisions.append(int(recall and not irrelevant))
    return sum(recalls) / len(recalls), sum(precisions) / len(precisions) if precisions else 0.0


# --- fixtures -----------------------------------------------------------------------------------------


def drawn(generator: random.Random) -> Fixture:
    """Sentences and passages of one to three facts, citations at random: some wrong, some twice."""
    passages = tuple(
        ". ".join(generator.sample(FACTS, generator.randint(1, 3))) for _ in range(generator.randint(1, 5))
    )
    sentences = []
    for _ in range(generator.randint(0, 4)):
        claim = " and ".join(generator.sample(FACTS, generator.choice([1, 1, 1, 2, 3])))
        highest = len(passages) + (generator.random() < 0.15)
        lowest = 0 if generator.random() < 0.05 else 1
        citations = tuple(
            generator.randint(lowest, highest) for _ in range(generator.choice([0, 1, 1, 2, 2, 3, 4]))
        )
        sentences.append((f"{claim}.", citations))
    return Fixture(tuple(sentences), passages)


def ours(fixture: Fixture, supports: Supports) -> tuple[float, float] | None:
    def passage(number: int) -> str | None:
        return fixture.passages[number - 1] if 1 <= number <= len(fixture.passages) else None

    sentences = [
        CitedSentence(claim, tuple(passage(number) for number in citations))
        for claim, citations in fixture.sentences
    ]
    scores = alce(sentences, supports)
    return None if scores is None else (scores.recall, scores.precision)


GREEN, BRIDGE, TEA = FACTS[1], FACTS[2], FACTS[4]
BOTH = f"{GREEN} and {BRIDGE}."
BY_HAND = [
    # One sentence, one passage that bears it out; one that does not.
    (Fixture(((GREEN, (1,)),), (GREEN,)), (1, 1)),
    (Fixture(((GREEN, (1,)),), (TEA,)), (0, 0)),
    # Nothing is cited: no recall, and by the program no precision.
    (Fixture(((GREEN, ()),), (GREEN,)), (0, 0)),
    # Two halves: neither suffices alone, both are needed.
    (Fixture(((BOTH, (1, 2)),), (GREEN, BRIDGE)), (1, 1)),
    # A third that adds nothing is irrelevant.
    (Fixture(((BOTH, (1, 2, 3)),), (GREEN, BRIDGE, TEA)), (1, 2 / 3)),
    # Two that each suffice: (a) does not hold for either, so both are precise.
    (Fixture(((GREEN, (1, 2)),), (GREEN, GREEN)), (1, 1)),
    # A whole and a half: the half is not needed and does not suffice.
    (Fixture(((BOTH, (1, 2)),), (f"{GREEN}. {BRIDGE}", GREEN)), (1, 1 / 2)),
    # The same half twice beside the other: without one copy the rest still suffices.
    (Fixture(((BOTH, (1, 1, 2)),), (GREEN, BRIDGE)), (1, 1 / 3)),
    # Without recall no citation is precise, however much it says.
    (Fixture(((BOTH, (1, 2)),), (GREEN, TEA)), (0, 0)),
    # A passage that does not exist takes the recall, and its sentence's citations count nowhere.
    (Fixture(((GREEN, (1, 7)), (TEA, (2,))), (GREEN, TEA)), (1 / 2, 1)),
    (Fixture(((GREEN, (0,)),), (GREEN,)), (0, 0)),
    # Sentences weigh alike in recall, citations in precision.
    (Fixture(((GREEN, (1,)), (TEA, (1, 2, 3)), (BRIDGE, ())), (GREEN, TEA, BRIDGE)), (2 / 3, 2 / 4)),
]


@pytest.mark.parametrize(("fixture", "expected"), BY_HAND)
def test_worked_examples(fixture: Fixture, expected: tuple[float, float]) -> None:
    assert ours(fixture, contained) == pytest.approx(expected)
    assert definition(fixture, contained) == pytest.approx(expected)


@pytest.mark.parametrize("supports", [contained, LexicalSupport()], ids=["facts", "words"])
def test_any_reply_scores_as_defined(supports: Supports) -> None:
    generator, seen = random.Random(SEED), set[tuple[float, float] | None]()
    for _ in range(N_FIXTURES):
        fixture = drawn(generator)
        expected = definition(fixture, supports)
        assert ours(fixture, supports) == (
            expected if expected is None else pytest.approx(expected, abs=1e-12)
        )
        seen.add(expected)
    # The fixtures are not all alike.
    assert len(seen) > 20
    assert None in seen
