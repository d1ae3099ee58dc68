"""Of a text that is still being written, only what no further text changes is checked, and only once."""

from __future__ import annotations

import random

import pytest

from evals.citation_corruptions import faithful
from ragkit.types import Answer
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.cite import Checker
from ragkit.verify.unfinished import certain_claims
from ragkit.verify.written import Claim, read_answer
from tests.property.test_citation_invariants import CONTEXTS, texts_of
from tests.scale import scaled
from tests.unit.making import run_context

MARKDOWN = """## Plans

The plans are:

| Plan | Price |
|------|-------|
| Lighthouse. It shines | 30 € [1] |
| Harbour | 12 € [2] |

- **SAML** is available in Lighthouse only. [1]
- It costs 30 € a month. [1][2] Abroad too. [3]
1. First step. [1]
2. Second step [2].

```py
x = 1
y = 2. Then
```
[1]

That is all (source 2). E.g. Dr. Smith says so [1, 2]. Is it so? Yes! 【3†source】

Sources:
- [1] plans.md
- [2] warranty.md
"""
RUSSIAN = (
    "Гарантия составляет 24 месяца [1]. Она начинается в 2020 г. Москва не упомянута [источник 2]. "
    "См. рис. 3. Там всё.[3] «Что делать?» Чернышевского [1]. Т. е. всё [2]."
    "\nИтого: 24 месяца [1-2]. А. С. Пушкин. [3]"
)
CHINESE = "保修期为两年。[1]从交货日起算，与购买地点和付款方式都没有关系，也与发票上的日期没有关系。[2]完。"


@pytest.mark.parametrize("text", [MARKDOWN, RUSSIAN, CHINESE])
def test_at_every_character_what_is_certain_stays(text: str) -> None:
    whole, n_known = read_answer(text, 3), 0
    for end in range(len(text) + 1):
        certain = certain_claims(text[:end], 3)
        assert certain == whole[: len(certain)], text[:end]
        n_known = max(n_known, len(certain))
    assert n_known >= len(whole) - 2


def test_sentences_of_models_in_every_shape_stay() -> None:
    rng = random.Random(3)
    for n in range(scaled(1000, part=10)):
        written = faithful(texts_of(CONTEXTS[n % 2]), rng)
        assert written is not None
        whole = read_answer(written.text, 3)
        for end in rng.sample(range(len(written.text) + 1), min(12, len(written.text))):
            certain = certain_claims(written.text[:end], 3)
            assert certain == whole[: len(certain)], written.text[:end]


def test_a_sentence_is_certain_two_words_after_its_end() -> None:
    (claim,) = certain_claims("It lasts two years. [1] It starts on", 1)
    assert (claim.text, claim.numbers) == ("It lasts two years.", (1,))


@pytest.mark.parametrize(
    "text",
    [
        "It lasts two years.",
        "It lasts two years. [1] It",
        "It lasts two years. (sour",
        "| a. B c d",
        "## H\n\nA b c",
    ],
)
def test_nothing_is_certain_too_early(text: str) -> None:
    assert [claim for claim in certain_claims(text, 3) if claim.kind != "frame"] == []


def test_no_sentence_is_checked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    check = Checker.check

    def counted(self: Checker, claim: Claim) -> object:
        checked.append(claim.text)
        return check(self, claim)

    monkeypatch.setattr(Checker, "check", counted)
    within = CONTEXTS[0]
    written = faithful(texts_of(within), random.Random(7))
    assert written is not None
    text = f"{written.text} {written.text.replace('The ', 'That ')}"
    stage, draft = VerifyCitations(), Answer(within.plan, text="", context=within)
    follower = stage.following(draft)
    assert follower is not None
    for end in range(0, len(text), 3):
        follower(draft.with_(text=text[:end]))
    ctx = run_context()
    ctx.follower = follower
    streamed = stage.run(draft.with_(text=text), ctx)
    assert len(checked) == len(set(checked)) >= 2
    assert streamed == stage.run(draft.with_(text=text), run_context())


def test_a_follower_of_another_context_is_not_trusted() -> None:
    stage = VerifyCitations()
    ctx = run_context()
    ctx.follower = stage.following(Answer(CONTEXTS[1].plan, text="", context=CONTEXTS[1]))
    answer = Answer(CONTEXTS[0].plan, text=MARKDOWN, context=CONTEXTS[0])
    assert stage.run(answer, ctx) == stage.run(answer, run_context())


def test_where_one_refused_sentence_refuses_all_nothing_is_seen() -> None:
    draft = Answer(CONTEXTS[0].plan, text="", context=CONTEXTS[0])
    assert VerifyCitations(on_unsupported="abstain").following(draft) is None


def test_what_is_to_be_written_anew_is_shown_up_to_the_first_refused_sentence() -> None:
    within = CONTEXTS[0]
    written = faithful(texts_of(within), random.Random(1))
    assert written is not None
    draft = Answer(within.plan, text="", context=within)
    follower = VerifyCitations(on_unsupported="regenerate").following(draft)
    assert follower is not None
    (first, _), *_ = written.sentences
    again = first.replace("The", "That")
    text = f"{first} [1][2][3] Elephants fly to 77 moons. [1] {again} [1][2][3] And so on."
    shown = follower(draft.with_(text=text))
    assert [sentence.text for sentence in shown.sentences] == [first]
    assert shown.correction is None
