"""A stage: settings and one typed method, whose annotations are its ports.

    class Shorten(Stage[Ranking, Ranking]):          @stage("rerank/shorten")
        class Config(Settings):                      def shorten(ranking: Ranking, *, k: int = 3) -> Ranking:
            k: int = 3                                   return Ranking(ranking.plan, ranking.hits[:k])
        config: Config

        def run(self, ranking, ctx): ...

`async def run` is for I/O. A plain `def run` is for compute: the runner puts it on a worker thread, unless
`inline` says that it takes well under a millisecond.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, Concatenate, Generic, TypeVar, get_type_hints, overload
from weakref import WeakKeyDictionary

from pydantic import create_model

from ragkit.errors import GraphError
from ragkit.events import Emit, Spent
from ragkit.graph.following import Follower, Onward
from ragkit.graph.meter import Meter
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.settings import Settings
from ragkit.types import Answer, Context, Ranking, Usage

# A stage that takes more, or gives something narrower, fits wherever the declared one does.
In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
Next = TypeVar("Next")
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(slots=True)
class RunContext:
    """What a stage may know of the run it is part of, and where it leaves word of what it did.

    `deadline` is on `time.monotonic()`'s clock, or None. `emit` takes what is told of an answer that is
    streamed, from any thread; it is None where nobody listens. `onward` makes a follower of what this stage
    writes (see `ragkit.graph.writing`), and `follower` is the one that this stage gave itself for the answer
    that it is now given as a whole, where it gave one. `budget` says what is left for this stage, and is
    found by the chat models that it asks; None where nobody counts.
    """

    trace: NodeTrace
    deadline: float | None = None
    degraded: list[str] = field(default_factory=list)
    emit: Emit | None = None
    onward: Callable[[Answer], Onward | None] | None = None
    follower: Follower | None = None
    budget: Meter | None = None

    def note(self, **facts: object) -> None:
        """Records facts about this node's work in the trace, visible to `ragkit ask --trace`."""
        self.trace.facts.update(facts)

    def spend(self, usage: Usage) -> None:
        """Tells those who listen what a call of a model took."""
        if self.emit is not None:
            self.emit(Spent(usage))

    def degrade(self, what: str) -> None:
        """Says that a part of the answer's quality was lost; shown in `answer.degraded`."""
        self.trace.status = "degraded"
        if what not in self.degraded:
            self.degraded.append(what)


class Stage(Generic[In, Out]):
    """One step of a graph. Subclass it with `In` and `Out`, give it a `Config` and a `run`.

    >>> class Louder(Stage[str, str]):
    ...     def run(self, value: str, ctx: RunContext) -> str:
    ...         return value.upper()
    >>> Louder().ports
    Ports(takes=<class 'str'>, gives=<class 'str'>)
    """

    Config: ClassVar[type[Settings]] = Settings
    use: ClassVar[str] = ""
    # The role of a stage that must come after this one, whatever way a question takes: `verify`.
    followed_by: ClassVar[str] = ""
    # Whether the tokens of a model before this stage may be seen as they come (see `ragkit.graph.following`).
    shows_tokens: ClassVar[bool] = False
    inline: bool = False

    def __init__(self, **settings: object) -> None:
        """Checks the settings.

        Raises:
            ConfigError: unknown, missing or wrong settings, all of them at once; the cause is pydantic's
                `ValidationError`.
        """
        self.config = self.Config.checked(self.use or type(self).__name__, settings)

    def setup(self, resources: Resources) -> None:
        """Takes what the stage needs from `resources`. Called once, before the first run."""

    def run(self, value: In, ctx: RunContext, /) -> Out | Awaitable[Out]:
        """The stage's work on one value."""
        raise TypeError(f"{type(self).__name__} has no run method")

    @property
    def ports(self) -> Ports:
        """The types this stage takes and gives."""
        return ports_of(type(self))

    # A ranking may go where a context is taken: the check inserts `Context.of`.
    @overload
    def __rshift__(self: Stage[Given, Ranking], following: Stage[Context, Next]) -> Flow[Given, Next]: ...
    @overload
    def __rshift__(self, following: Stage[Out, Next]) -> Flow[In, Next]: ...
    def __rshift__(self, following: Stage[Any, Any]) -> Flow[Any, Any]:
        return Flow(((self,), (following,)))


class Flow(Stage[In, Out]):
    """Stages in sequence, as `a >> b` makes them; each step holds one stage or parallel branches."""

    def __init__(self, steps: Sequence[Sequence[Stage[Any, Any]]]) -> None:
        super().__init__()
        self.steps: tuple[tuple[Stage[Any, Any], ...], ...] = tuple(
            flat for step in steps for flat in _flattened(step)
        )

    @property
    def ports(self) -> Ports:
        """What the first step takes and the last one gives."""
        return Ports(self.steps[0][0].ports.takes, self.steps[-1][-1].ports.gives)


def _flattened(step: Sequence[Stage[Any, Any]]) -> tuple[tuple[Stage[Any, Any], ...], ...]:
    if len(step) == 1 and isinstance(step[0], Flow):
        return step[0].steps
    return (tuple(step),)


def fan_out(*branches: Stage[Given, Made]) -> Flow[Given, Made]:
    """Runs the branches in parallel on the same value; the next stage takes their outputs together.

    >>> len(fan_out(Stage[str, str](), Stage[str, str]()).steps[0])
    2
    """
    if not branches:
        raise GraphError("fan_out() needs at least one branch")
    return Flow((branches,))


@dataclass(frozen=True, slots=True)
class Ports:
    """The type a stage takes and the type it gives."""

    takes: type
    gives: type


_known_ports: WeakKeyDictionary[type, Ports] = WeakKeyDictionary()


def ports_of(cls: type[Stage[Any, Any]]) -> Ports:
    """Reads the ports from the annotations of `run`, once for each class.

    Raises:
        GraphError: `run` is not defined, or its annotations are missing, out of reach or not classes.
    """
    ports = _known_ports.get(cls)
    if ports is None:
        ports = _known_ports[cls] = _ports_of_run(cls)
    return ports


def _ports_of_run(cls: type[Stage[Any, Any]]) -> Ports:
    run = cls.run
    if run is Stage.run:
        raise GraphError(f"{cls.__name__} has no run(self, value, ctx) method")
    values = [name for name in inspect.signature(run).parameters if name not in {"self", "ctx"}]
    if not values:
        raise GraphError(f"{cls.__name__}.run takes no value; declare it as run(self, value, ctx)")
    example = "for example: def run(self, ranking: Ranking, ctx: RunContext) -> Ranking"
    return _ports(run, values[0], name=f"{cls.__name__}.run", example=example)


def _ports(function: Callable[..., Any], value: str, *, name: str, example: str) -> Ports:
    hints = _hints(function, name, {value, "return"})
    if value not in hints or "return" not in hints:
        raise GraphError(f"{name}: annotate the value it takes and what it returns, {example}")
    for port, hint in ((value, hints[value]), ("the result", hints["return"])):
        if not _is_plain_class(hint):
            raise GraphError(
                f"{name}: {port} is annotated {hint!r}, which is not a plain class. "
                f"The types between stages are compared as classes, {example}"
            )
    return Ports(hints[value], hints["return"])


def _is_plain_class(hint: object) -> bool:
    try:
        isinstance(None, hint)  # type: ignore[arg-type]  # a TypedDict or a bare Protocol refuses
    except TypeError:
        return False
    return isinstance(hint, type)


def _hints(function: Callable[..., Any], name: str, wanted: set[str]) -> dict[str, Any]:
    """The annotations of `wanted` alone: the others may name what is imported for type checkers only."""
    try:
        annotations = {k: v for k, v in function.__annotations__.items() if k in wanted}
        scope = getattr(inspect.unwrap(function), "__globals__", {})
        return get_type_hints(SimpleNamespace(__annotations__=annotations), scope, include_extras=True)
    except NameError as e:
        raise GraphError(
            f"{name}: its annotation names {e.name!r}, which is not defined at the top of its module. "
            "Move it there (out of a function, out of `if TYPE_CHECKING:`), "
            "or remove `from __future__ import annotations`"
        ) from e


StageClass = TypeVar("StageClass", bound=type[Stage[Any, Any]])


class _StageDecorator:
    def __init__(self, use: str, inline: bool) -> None:
        self.use = use
        self.inline = inline

    @overload
    def __call__(self, target: StageClass) -> StageClass: ...
    @overload
    def __call__(
        self, target: Callable[Concatenate[Given, ...], Awaitable[Made]]
    ) -> type[Stage[Given, Made]]: ...
    @overload
    def __call__(self, target: Callable[Concatenate[Given, ...], Made]) -> type[Stage[Given, Made]]: ...
    def __call__(self, target: Any) -> Any:
        cls: type[Stage[Any, Any]] = target if isinstance(target, type) else _stage_from_function(target)
        cls.use = self.use
        cls.inline = cls.inline or self.inline
        return cls


def stage(use: str, *, inline: bool = False) -> _StageDecorator:
    """Names a stage class, or makes a stage class of a function, for use in `rag.yaml`.

    A function's first parameter and return type are its ports, a parameter called `ctx` gets the
    `RunContext`, and its keyword-only parameters become the settings. `inline` says that a plain function
    takes well under a millisecond, so that it is called without a worker thread. Register the result with
    `ragkit.register` or with an entry point of the group `ragkit.components`.

    >>> @stage("rerank/reverse")
    ... def reverse(words: list, *, times: int = 1) -> list:
    ...     return words[::-1] if times % 2 else words
    >>> reverse(times=1).use
    'rerank/reverse'
    """
    return _StageDecorator(use, inline)


def _stage_from_function(function: Callable[..., Any]) -> type[Stage[Any, Any]]:
    name = function.__name__
    example = "for example: def shorten(ranking: Ranking, *, k: int = 3) -> Ranking"
    parameters = inspect.signature(function).parameters
    positional = [p for p in parameters.values() if p.name != "ctx" and p.kind is p.POSITIONAL_OR_KEYWORD]
    settings = {p.name: p for p in parameters.values() if p.name != "ctx" and p.kind is p.KEYWORD_ONLY}
    wants_ctx = "ctx" in parameters
    if len(positional) != 1 or len(parameters) != 1 + len(settings) + wants_ctx:
        raise GraphError(f"{name}: a stage function takes one value, then settings after a `*`, {example}")
    ports = _ports(function, positional[0].name, name=name, example=example)
    hints = _hints(function, name, set(settings))
    fields: dict[str, Any] = {
        key: (hints.get(key, Any), ... if p.default is p.empty else p.default) for key, p in settings.items()
    }

    def call(self: Stage[Any, Any], value: Any, ctx: RunContext) -> Any:
        chosen = {key: getattr(self.config, key) for key in settings}
        return function(value, **chosen, **({"ctx": ctx} if wants_ctx else {}))

    async def acall(self: Stage[Any, Any], value: Any, ctx: RunContext) -> Any:
        return await call(self, value, ctx)

    run = acall if inspect.iscoroutinefunction(function) else call
    run.__annotations__ = {"value": ports.takes, "ctx": RunContext, "return": ports.gives}
    config = create_model(f"{name}_settings", __base__=Settings, **fields)
    body = {"run": run, "Config": config, "__doc__": function.__doc__, "__module__": function.__module__}
    return type(name, (Stage,), body)
