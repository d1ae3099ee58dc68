"""`verify/citations`: a citation is a checked place in a source document, or it is not shown."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from ragkit.graph.following import Follower
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Collection, Resources
from ragkit.settings import RerankerRef, Settings
from ragkit.types import Answer, Context, Sentence
from ragkit.verify.brought import Brought
from ragkit.verify.cite import Checked, Checker, Thresholds
from ragkit.verify.compose import compose
from ragkit.verify.followed import Claims, Followed
from ragkit.verify.names import missing_links
from ragkit.verify.passages import Passages
from ragkit.verify.policy import Policy
from ragkit.verify.refusal import refusal
from ragkit.verify.support import DENSE_SHARE, LexicalSupport, RerankerSupport, SupportModel, scale_of
from ragkit.verify.written import Claim, is_cut_off, last_word, read_answer

# On 75 sentences of the fit half of evals/citation_paraphrases.py 0.3 lets one more changed sentence through
# than this, and 0.4 loses one more true one.
MIN_SUPPORT = 0.35


@stage("verify/citations")
class VerifyCitations(Stage[Answer, Answer]):
    """Makes checked citations of an answer's markers, and checks those that it brings along.

    Of an answer that is a text alone (`generate/cited`) the markers are read in whatever shape they have. For
    each sentence the best-supporting places of the passages it points to are found; they are cited where they
    support it and where its quotations, numbers, dates, names and links stand there and no negation or
    comparative is the other way round. A sentence without a marker, or with a wrong one, is given the passage
    that supports it clearly.

    A citation that a generator brings along holds when its chunk is in the context, its span lies within what
    was kept of it, its quote is the text at that span character for character, its support reaches
    `min_support`, and the sentence says nothing that the quotes have otherwise.

    A sentence left without a citation is dropped, flagged, asked for anew (dropped, with `answer.correction`
    for a stage that writes it again), or makes the whole answer an abstention. Its `problems` say what is
    wrong with it.

    >>> VerifyCitations(on_unsupported="flag").config.on_unsupported
    'flag'
    """

    class Config(Settings):
        on_unsupported: Policy = Field(
            "drop",
            description="What to do with a sentence that no citation bears out.",
        )
        min_support: float | None = Field(
            None,
            ge=0.0,
            le=1.0,
            description="Support a citation needs. Left out: 0.35 where a model cites, 0 where a generator "
            "brings the citation along.",
        )
        min_support_uncited: float = Field(
            0.7, ge=0.0, le=1.0, description="Support that a passage needs which the model did not point to."
        )
        attribute: bool = Field(
            True, description="Whether a sentence without a right marker is given the passage that bears it."
        )
        dense_share: float = Field(
            DENSE_SHARE,
            ge=0.0,
            le=1.0,
            description="Weight of embedding similarity in the support, against words.",
        )
        reranker: RerankerRef | None = Field(
            None, description="Name of a cross-encoder under `models:` that judges support instead."
        )
        reranker_scale: Literal["auto", "logit", "probability"] = Field(
            "auto",
            description="What the cross-encoder's scores are; auto is what it says itself, else logit.",
        )

    shows_tokens: ClassVar[bool] = True
    config: Config
    collection: Collection | None = None
    model: SupportModel = LexicalSupport()

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection
        self.model = LexicalSupport(self.collection, self.config.dense_share)
        if self.config.reranker is not None:
            reranker = resources.reranker(self.config.reranker)
            self.model = RerankerSupport(reranker, scale_of(reranker, self.config.reranker_scale))

    def run(self, answer: Answer, ctx: RunContext) -> Answer:
        if answer.abstained or answer.context is None:
            return answer
        if not answer.sentences and answer.text.strip():
            return self._written(answer, answer.context, ctx)
        given = self._brought(Passages(answer.context, self.collection))
        return given.verified(answer, self.config.on_unsupported, ctx)

    def _brought(self, passages: Passages) -> Brought:
        return Brought(passages, self.config.min_support or 0.0)

    def following(self, draft: Answer) -> Follower | None:
        """Checks each sentence when its end is certain. Where one that fails makes an abstention of all,
        nothing is seen before the end."""
        if draft.context is None or self.config.on_unsupported == "abstain":
            return None
        claims = self._claims(draft.context)
        return Followed(
            claims, draft.context, self.config.on_unsupported, self._brought(claims.checker.passages)
        )

    def _written(self, answer: Answer, context: Context, ctx: RunContext) -> Answer:
        """The answer of a model that wrote a text with markers."""
        claims = self._claims(context, ctx.follower)
        checked = claims.checked(read_answer(answer.text, len(context.passages)), is_whole=True)
        ctx.note(
            citations=sum(len(item.claim.numbers) for item in checked),
            refused=[problem for item in checked for problem in item.refused],
            attributed=sum(item.holds and not item.claim.numbers for item in checked),
            conflicting=sum(item.is_conflicting for item in checked),
        )
        return compose(answer, checked, self.config.on_unsupported, claims.frame_holds)

    def _claims(self, context: Context, follower: Follower | None = None) -> Claims:
        """Those that were checked while the answer was written, where it is the answer of that writing."""
        if isinstance(follower, Followed) and follower.context is context:
            return follower.claims
        checker = Checker(
            Passages(context, self.collection), self.model, self._thresholds(), self.config.attribute
        )
        return Claims(checker, partial(self._checked, checker))

    def _thresholds(self) -> Thresholds:
        least = MIN_SUPPORT if self.config.min_support is None else self.config.min_support
        return Thresholds(least, max(least, self.config.min_support_uncited))

    def _checked(self, checker: Checker, claim: Claim, is_last: bool) -> Checked:
        if claim.kind == "frame" and not missing_links(claim.text, ""):
            return Checked(claim, Sentence(claim.text))
        if is_last and (is_cut_off(claim) or checker.passages.has_only_longer(last_word(claim))):
            return Checked(claim, Sentence(claim.text, problems=("is cut off",)))
        checked = checker.check(claim)
        if (
            not checked.holds
            and not claim.numbers
            and refusal(claim.text)
            and not missing_links(claim.text, "")
        ):
            return Checked(claim, Sentence(claim.text))
        return checked
