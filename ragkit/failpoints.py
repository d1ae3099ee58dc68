"""Named places on the way of a write at which a test can stop the process.

A place costs one comparison unless a hook is set, and only a program that imports this module can set one:
no setting and no environment variable does.
"""

from __future__ import annotations

from collections.abc import Callable

Hook = Callable[[str], None]

FAILPOINTS: dict[str, str] = {
    "lock.taken": "this process is the one writer",
    "file.created": "a new file is there under its partial name, empty",
    "file.written": "all its bytes are handed to the system",
    "file.synced": "they are on disk",
    "file.renamed": "it has its name",
    "file.named": "the name is on disk",
    "append.cut": "what a commit that never happened left behind is cut off",
    "append.half": "half of the new vectors are written",
    "append.written": "all of them are handed to the system",
    "append.synced": "they are on disk",
    "commit.checked": "the changes are known to be consistent",
    "commit.cleaned": "files that no commit names are gone",
    "commit.merged": "small BM25 files are merged with the new one, in memory",
    "commit.begun": "the transaction is open",
    "commit.ended": "the old version of a document is ended",
    "commit.removed": "a document is removed",
    "commit.document": "the new version of a document is recorded",
    "commit.chunk": "one of its chunks is recorded",
    "commit.state": "its state is recorded",
    "commit.segments": "the new files are named",
    "commit.pointer": "the pointer is moved, within the transaction",
    "commit.done": "the transaction is on disk",
    "commit.reported": "its number is on disk outside of the manifest",
    "compact.begun": "it is known what no reader can see any more",
    "compact.vectors": "the vectors that stay are in a new file",
    "compact.postings": "the BM25 index of what stays is in new files",
    "compact.dense": "files of the dense index over what stays are written",
    "compact.transaction": "the transaction is open",
    "compact.rows": "what nobody sees is deleted from the manifest",
    "compact.named": "the new files are named",
    "compact.done": "the transaction is on disk",
    "compact.cleaned": "the old files are gone",
    "compact.vacuumed": "the manifest is written anew without what was deleted",
    "compact.erased": "so is its write-ahead log",
    "dense.written": "what was built of the dense index is in files that nobody knows of",
    "dense.named": "the manifest names them",
    "readings.written": "what was read in the chunks of a commit that is to come is kept, but for the end",
    "readings.erased": "what was read in chunks that are gone is overwritten",
    "forget.marked": "it is recorded that something is to be erased",
    "forget.removed": "the documents are removed, and not yet erased",
    "ingest.batch": "a batch is read, parsed and chunked",
    "ingest.embedded": "it is embedded",
    "ingest.committed": "it is committed",
    "ingest.missing": "documents whose files are gone are about to be removed",
}

_hook: Hook | None = None


def reach(name: str) -> None:
    """Says that a place is reached."""
    if _hook is not None:
        _hook(name)


def watch(hook: Hook | None) -> None:
    """Calls `hook` with the name of each place from now on; None ends it.

    >>> reached = []
    >>> watch(reached.append)
    >>> reach("commit.done")
    >>> watch(None)
    >>> reached
    ['commit.done']
    """
    global _hook
    _hook = hook
