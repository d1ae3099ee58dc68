"""`generate/reflect`: one more attempt for an answer that was checked and did not hold in full."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ragkit.chat import Message
from ragkit.errors import ModelError
from ragkit.generate.asked import asked, usage_of
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.reply import NO_ANSWER, read_reply
from ragkit.graph.following import Follower
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.threads import in_thread
from ragkit.protocols import Resources
from ragkit.text.language import detect_language
from ragkit.text.template import Places, built_in
from ragkit.types import Answer, Context, Correction, Sentence, Usage

_PLACES = Places(("problems",), ("no_answer",))
_MOST_PROBLEMS = 20


@stage("generate/reflect")
class ReflectGenerate(Stage[Answer, Answer]):
    """Tells a chat model which sentences of its answer did not hold and why, and has it write anew.

    It stands between two stages `verify/citations`: the first with `on_unsupported: regenerate`, which says
    what is wrong; the second checks the new attempt, after which there is no other. An answer with which
    nothing is wrong goes through as it is, and no model is asked.

    Where the second attempt fails, what had held of the first one stays, and the answer is degraded. Its
    settings are those of `generate/cited`, and should be the same: the model is told the same conversation.

    Example:
        CitedGenerate(llm=m) >> VerifyCitations(on_unsupported="regenerate") >> ReflectGenerate(llm=m)
        >> VerifyCitations()
    """

    Config = CitedGenerate.Config
    followed_by: ClassVar[str] = "verify"
    shows_tokens: ClassVar[bool] = True
    config: CitedGenerate.Config

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self._first = CitedGenerate(**self.config.as_keywords())

    def setup(self, resources: Resources) -> None:
        self._first.setup(resources)

    async def run(self, answer: Answer, ctx: RunContext) -> Answer:
        if answer.correction is None or answer.context is None:
            return answer
        messages, context = await in_thread(self._request, answer.context, answer.correction)
        try:
            draft = Answer(answer.plan, text="", context=context, generator=self.use)
            done = await asked(self._first.model, messages, draft, self.config, ctx)
            ctx.note(
                model=done.model,
                refused=len(answer.correction.refused),
                finish_reason=done.finish_reason,
                input_tokens=done.input_tokens,
                output_tokens=done.output_tokens,
                usd=done.usd,
            )
            reply = read_reply(done)
        except ModelError as e:
            ctx.note(error=f"{type(e).__name__}: {e}")
            ctx.degrade(f"{ctx.trace.node}: the second attempt failed")
            return answer.with_(correction=None)
        usage = _sum(answer.usage, usage_of(done))
        if reply.kind == "abstention":
            # What held of the first attempt still does; an answer of which nothing held says so already.
            return answer.with_(correction=None, usage=usage)
        if reply.kind == "part":
            ctx.degrade(f"{ctx.trace.node}: the answer was cut at max_tokens")
        return draft.with_(text=reply.text, usage=usage)

    def following(self, draft: Answer) -> Follower:
        """What is shown of the first attempt goes through: it shows nothing behind what did not hold."""
        return lambda part: part

    def messages(self, answer: Answer) -> tuple[Message, ...]:
        """What the model is asked: for an answer without a correction, with an example of one."""
        example = Correction(answer.text, refused=(Sentence("…", problems=("…",)),))
        return self._request(answer.context or Context(answer.plan, ()), answer.correction or example)[0]

    def prompt(self, question: str = "") -> str:
        """The prompt of the second attempt, as its file has it."""
        return built_in("ragkit.generate", "reflect", self._language(question), _PLACES).text

    def _request(self, context: Context, correction: Correction) -> tuple[tuple[Message, ...], Context]:
        request = self._first.request(context)
        question = context.plan.question
        filling = {"problems": _listed(correction.refused), "no_answer": NO_ANSWER}
        wish = built_in("ragkit.generate", "reflect", self._language(question), _PLACES).messages(filling)
        return (*request.messages, Message("assistant", correction.draft), *wish), request.context

    def _language(self, question: str) -> str:
        return detect_language(question) if self.config.language == "auto" else self.config.language


def _listed(refused: tuple[Sentence, ...]) -> str:
    return "\n".join(
        f"- {' '.join(sentence.text.split())} ({'; '.join(sentence.problems) or 'no passage bears it out'})"
        for sentence in refused[:_MOST_PROBLEMS]
    )


def _sum(first: Usage, second: Usage) -> Usage:
    """What two calls took; unknown where one of them is."""

    def both(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a + b

    tokens = (both(first.input_tokens, second.input_tokens), both(first.output_tokens, second.output_tokens))
    counts = [None if n is None else int(n) for n in tokens]
    return replace(first, input_tokens=counts[0], output_tokens=counts[1], usd=both(first.usd, second.usd))
