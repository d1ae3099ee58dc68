"""What kind of index lies in a folder, by the names of its files: for errors that say where to go on."""

from __future__ import annotations

import json
from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.fields import shown

# The first whose files are all there; the more telling ones come first.
_BY_FILES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("an index of ragkit itself", "ragkit migrate --to NAME", ("manifest.sqlite",)),
    ("a Chroma folder", "ragkit import chroma {path}", ("chroma.sqlite3",)),
    ("a storage folder of LlamaIndex", "ragkit import llamaindex-storage {path}", ("docstore.json",)),
    ("a FAISS folder of LangChain", "ragkit import langchain-faiss {path}", ("index.faiss",)),
    ("passages with vectors", "ragkit import jsonl {path}", ("passages.jsonl", "vectors.npy")),
)
_HEAD = 4_096


def looks_like(path: Path) -> str:
    """A sentence on what lies there and how to import that; empty where it is nothing that we know.

    >>> looks_like(Path("/nowhere"))
    ''
    """
    if path.is_dir():
        for what, how, files in _BY_FILES:
            if all((path / name).is_file() for name in files):
                return f" It looks like {what}: {how.format(path=path)}"
        return ""
    if path.is_file() and _is_haystack(path):
        return f" It looks like a document store of Haystack: ragkit import haystack {path}"
    return ""


def refused(path: Path, expected: str) -> ConfigError:
    """The error for a path where something else was expected.

    Args:
        path: what was named.
        expected: what should be there, as the end of a sentence.
    """
    if not path.exists():
        return ConfigError(f"{path} does not exist: expected {expected}. Check the path")
    inside = ""
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir())[:8]
        inside = f" (it holds {', '.join(shown(name) for name in names) or 'nothing'})"
    return ConfigError(f"{path}: expected {expected}{inside}.{looks_like(path)}")


def _is_haystack(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip()
    return head.startswith(b"{") and (b"bm25_algorithm" in head or b"InMemoryDocumentStore" in head)


def read_json(path: Path, what: str) -> dict[str, object]:
    """The JSON object of a file.

    Args:
        path: an existing file.
        what: what it is called in an error.

    Raises:
        ConfigError: it cannot be read, is cut off, or is no JSON object.
    """
    try:
        with path.open("rb") as file:
            data = file.read()
        value = json.loads(data)
    except OSError as e:
        raise ConfigError(f"{path}: {what} cannot be read: {e.strerror}") from e
    except (ValueError, RecursionError) as e:
        reason = "nested too deeply" if isinstance(e, RecursionError) else str(e)
        raise ConfigError(
            f"{path}: {what} is not whole JSON ({reason}). Was it cut off while it was written or copied? "
            "Save it again from the library that made it"
        ) from e
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {what} holds {type(value).__name__}: expected a JSON object")
    return value
