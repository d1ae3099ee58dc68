"""Every error that ragkit raises on purpose.

    RagkitError
    ├── ConfigError(path, line)        a mistake in rag.yaml or in a setting; ConfigErrors holds several
    ├── GraphError(problems)           a graph that cannot run; all its problems at once
    ├── MissingExtraError              an optional package is not installed
    ├── ModelError                     a model cannot be loaded or gave an unusable result
    │   ├── ModelUnavailableError(retry_after_s)   the endpoint is down, overloaded or broke off
    │   │   └── RateLimitError
    │   ├── ModelTimeoutError          it did not answer in time
    │   ├── ModelAuthError             the key is missing, wrong or may not use this model
    │   ├── ModelRequestError          the endpoint refuses the request: unknown model, wrong parameter
    │   │   └── ContextTooLongError
    │   └── InvalidOutputError         what came back is not what was asked for
    ├── StoreError                     a store cannot do what was asked
    │   ├── TransientStoreError        the same call may go through later
    │   └── CorruptIndexError          what is on disk is not what was written
    ├── DocumentError(stage, reason)   one document cannot be ingested; the others go on
    ├── ImportRefusedError(problems)   an index of another library cannot be taken over as it is
    ├── FilterError                    a filter names an unknown field or compares unlike types
    ├── TenantError                    a tenant is missing or malformed
    ├── QueryError                     a question that cannot be asked (empty, too long, k out of range)
    ├── StageError(stage)              a stage of a graph failed; the cause is kept
    │   └── StageTimeoutError
    ├── ClusterError                   the cluster that does the work went away, or a node of it is not fit
    ├── BudgetError                    a limit of time, tokens or money was reached
    └── EvalError
        └── GateFailedError            a quality gate did not hold

A message says what is wrong, where, what was expected, and what mends it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class RagkitError(Exception):
    """Root of the tree: `except ragkit.RagkitError` catches all that ragkit raises on purpose."""


class ConfigError(RagkitError):
    """A mistake in a configuration file or in a setting.

    `problems` holds one line per mistake, each already in the form `file:line: key: what is wrong`;
    `path` and `line` are those of the first.
    """

    def __init__(self, problems: str | Sequence[str], *, path: str | None = None, line: int | None = None):
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        self.path = path
        self.line = line
        super().__init__("\n".join(self.problems))


class GraphError(RagkitError):
    """A graph that cannot run; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: str | Sequence[str]):
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class MissingExtraError(RagkitError):
    """A component needs a package that is not installed; of several, between `|`, one is enough."""

    def __init__(self, component: str, *, package: str, extra: str):
        self.package = package
        self.extra = extra
        commands = " or: ".join(f"pip install 'ragkit[{one}]'" for one in extra.split("|"))
        super().__init__(
            f"{component!r} needs the package {' or '.join(package.split('|'))}, which is not installed. "
            f"Run: {commands}"
        )


class ModelError(RagkitError):
    """A model cannot be loaded, or gave a result that cannot be used (NaN, wrong shape)."""


class ModelUnavailableError(ModelError):
    """A model's endpoint cannot be reached, is down, or broke off: the same call may go through later.

    `retry_after_s` is how long the endpoint asks to wait; None where it does not say, infinite where waiting
    is of no use. `took_nothing` says that no text was begun: it was not reached, or answered with an error.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, took_nothing: bool = False
    ) -> None:
        self.retry_after_s = retry_after_s
        self.took_nothing = took_nothing
        super().__init__(message)


class RateLimitError(ModelUnavailableError):
    """Too many requests or tokens, or the quota is used up."""


class ModelTimeoutError(ModelError):
    """A model did not answer in time."""


class ModelAuthError(ModelError):
    """The key is missing or wrong, or may not use this model."""


class ModelRequestError(ModelError):
    """A model's endpoint refuses the request as it is; repeating it changes nothing."""


class ContextTooLongError(ModelRequestError):
    """The messages do not fit into the model's window."""


class InvalidOutputError(ModelError):
    """What a model gave is not what was asked for: no JSON, another schema, broken text."""


class StoreError(RagkitError):
    """A store cannot do what was asked."""


class TransientStoreError(StoreError):
    """A store failed in a way that may pass: the same call can be repeated."""


class CorruptIndexError(StoreError):
    """What lies on disk is not what was written."""


class DocumentError(RagkitError):
    """One document cannot be ingested. Ingestion reports it and goes on with the next.

    Args:
        stage: where it failed: `load`, `parse`, `chunk`, `embed` or `write`.
        reason: what is wrong and what would mend it.
        rejected: the input is not a document at all (empty, binary, unknown format), as opposed to
            one that should have worked and is quarantined.
        blank: it was read and holds no text. One that the index knows has then lost its text, and is
            quarantined.
    """

    def __init__(self, reason: str, *, stage: str, rejected: bool = False, blank: bool = False):
        self.stage = stage
        self.reason = reason
        self.rejected = rejected
        self.blank = blank
        super().__init__(f"{stage}: {reason}")


class ImportRefusedError(RagkitError):
    """An index of another library cannot be taken over as it is; nothing was written.

    `problems` holds one line for each that is shown.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()):
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join((message, *(f"  {problem}" for problem in self.problems))))


class FilterError(RagkitError):
    """A filter that cannot be applied: unknown field, unknown operator, or a value of another type."""


class TenantError(RagkitError):
    """A tenant is required and missing, or malformed. Raised before any I/O."""


class QueryError(RagkitError):
    """A question that cannot be asked: empty, too long, or with `k` out of range."""


class StageError(RagkitError):
    """A stage of a graph failed; `__cause__` is the error it raised."""

    def __init__(self, message: str, *, stage: str):
        self.stage = stage
        super().__init__(f"stage {stage!r}: {message}")


class StageTimeoutError(StageError):
    """A stage did not end within its `timeout_s`."""


class ClusterError(RagkitError):
    """A cluster that was to do the work cannot be reached, went away, or a node of it runs something else.

    What was committed before stays; nothing is half there.
    """


class BudgetError(RagkitError):
    """A limit of time, tokens or money was reached.

    `over_tokens` says of a call that was not made by how many tokens its messages are too long for what is
    left; None where shorter ones would not help.
    """

    def __init__(self, message: str, *, over_tokens: int | None = None):
        self.over_tokens = over_tokens
        super().__init__(message)


class EvalError(RagkitError):
    """An evaluation cannot run or cannot be trusted."""


class GateFailedError(EvalError):
    """A quality gate did not hold."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest of `known`, or an empty string when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
