"""What one document may take of the machine."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """The limits on parsing one document in the worker process.

    Args:
        wall_s: seconds from sending the document to its result.
        cpu_s: seconds of processor time. Where the system cannot limit it (Windows), `wall_s` does.
        memory_bytes: address space beyond what the worker holds when the document arrives. Enforced by
            Linux; other systems take less notice of it.
        reply_bytes: the size of the result.

    >>> SandboxLimits(wall_s=5).memory_bytes == 2 * 1024**3
    True
    """

    wall_s: float = field(default=60.0, kw_only=True)
    cpu_s: float = field(default=60.0, kw_only=True)
    memory_bytes: int = field(default=2 * 1024**3, kw_only=True)
    reply_bytes: int = field(default=512 * 1024**2, kw_only=True)
