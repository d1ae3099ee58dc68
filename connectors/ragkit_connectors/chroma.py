"""`import/chroma`: the folder of Chroma's `PersistentClient`, read by chromadb itself, from a copy.

Texts and metadata lie in SQLite, but which vector is whose stands in a pickle once a collection has grown.
chromadb from 1.0 reads that in Rust, as plain data; an older one would unpickle it.
To open a folder is to write to it (a newer chromadb migrates it), so what is opened is a copy.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.errors import ConfigError, did_you_mean
from ragkit.protocols import ForeignIndex, ForeignPassage, Metric, Vectors

_API = "chromadb.api.rust.RustBindingsAPI"
_AT_ONCE = 1_000
_DATABASE = "chroma.sqlite3"
_INDEX = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_METRICS: dict[str, Metric] = {"cosine": "cosine", "l2": "l2", "ip": "inner product"}
_SOURCES = ("source", "file_path", "ref_doc_id")


class ChromaFolder:
    """Reads one collection of a Chroma folder.

    Metadata `source` names the document (as LangChain writes it), else `file_path` or `ref_doc_id` (as
    LlamaIndex does); `start_index` is the place in it, and `page` its page, counted from 0.

    Example:
        ChromaFolder().read(Path("chroma"), "docs").metric
    """

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """The entries of a collection, which are passages here.

        Args:
            path: the folder with `chroma.sqlite3`.
            name: the collection; may be left out where there is one.

        Raises:
            ConfigError: the folder is no Chroma's, cannot be opened, or has several collections or not this.
        """
        if not (path / _DATABASE).is_file():
            found = "" if path.exists() else " does not exist"
            raise ConfigError(
                f"{path}{found}: expected a folder of Chroma's PersistentClient, with {_DATABASE}"
            )
        with _opened(path) as client:
            collection = _collection(client, path, name)
            metric = _METRICS.get(_space(collection))
            try:
                return _read(collection, metric)
            except Exception as e:
                raise _unreadable(path, e) from e


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import chromadb

    if int(chromadb.__version__.partition(".")[0]) < 1:
        raise ConfigError(
            f"chromadb {chromadb.__version__} reads a pickle to find vectors. "
            "Run: pip install 'ragkit[chroma]'"
        )
    settings = chromadb.Settings(anonymized_telemetry=False, chroma_api_impl=_API)
    with tempfile.TemporaryDirectory(prefix="ragkit-chroma-") as folder:
        copy = Path(folder, "copy")
        try:
            shutil.copytree(path, copy, ignore=_not_chromas)
        except OSError as e:
            raise ConfigError(f"{path}: cannot be copied to {folder}, to be opened there: {e}") from e
        try:
            client = chromadb.PersistentClient(str(copy), settings=settings)
        except Exception as e:
            raise _unreadable(path, e) from e
        try:
            yield client
        finally:
            # Its files are open until then, and it is not of every version.
            getattr(client, "close", lambda: None)()


def _not_chromas(folder: str, names: list[str]) -> list[str]:
    """What lies beside the files of Chroma; a link may lead anywhere, even to where it stands.

    Chroma has its database, and a folder for each index, called by a UUID, with plain files in it.
    """
    is_top = (Path(folder) / _DATABASE).exists()

    def is_chromas(name: str) -> bool:
        file = Path(folder, name)
        if is_top and file.is_dir():
            return _INDEX.fullmatch(name) is not None and not file.is_symlink()
        return file.is_file() and (not is_top or name.startswith(_DATABASE))

    return [name for name in names if not is_chromas(name)]


def _collection(client: Any, path: Path, name: str | None) -> Any:
    try:
        # As what they are: without the embedding function that made the vectors, which may not be installed.
        there = {str(getattr(c, "name", c)): c for c in client.list_collections()}
    except Exception as e:
        raise _unreadable(path, e) from e
    listing = ", ".join(map(repr, sorted(there)))
    if name is None and len(there) == 1:
        return next(iter(there.values()))
    if not there:
        raise ConfigError(f"{path}: holds no collection. Check the path")
    if name is None:
        raise ConfigError(f"{path}: {len(there)} collections: {listing}. Name one: --name NAME")
    if name not in there:
        raise ConfigError(
            f"{path}: no collection {name!r}. Collections: {listing}.{did_you_mean(name, there)}"
        )
    return there[name]


def _space(collection: Any) -> str:
    """By what it compares vectors; Chroma's default is the squared distance."""
    configured: Mapping[str, Any] = collection.configuration_json or {}
    kept = configured.get("hnsw") or configured.get("spann") or {}
    metadata: Mapping[str, Any] = collection.metadata or {}
    return str(metadata.get("hnsw:space") or kept.get("space") or "l2")


def _read(collection: Any, metric: Metric | None) -> ForeignIndex:
    passages, blocks = list[ForeignPassage](), list[Vectors]()
    while True:
        got = collection.get(
            limit=_AT_ONCE, offset=len(passages), include=["documents", "metadatas", "embeddings"]
        )
        if not got["ids"]:
            break
        blocks.append(np.asarray(got["embeddings"], np.float32))
        passages += map(_passage, got["ids"], got["documents"], got["metadatas"])
    vectors = np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32)
    if len(vectors) != len(passages):
        raise ValueError(f"{len(passages)} entries and {len(vectors)} vectors")
    return ForeignIndex(passages, vectors=vectors, metric=metric)


def _passage(identity: str, text: str | None, metadata: Mapping[str, Any] | None) -> ForeignPassage:
    known = dict(metadata or {})
    page, start = _whole(known.get("page")), _whole(known.get("start_index"))
    return ForeignPassage(
        identity,
        text,
        known,
        source=_first(known, _SOURCES),
        part="" if page is None else str(page),
        start=start,
        page=None if page is None else page + 1,
        problem="it has no document, only a vector" if text is None else None,
    )


def _first(metadata: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    found = (metadata.get(key) for key in keys)
    return next((value for value in found if isinstance(value, str) and value.strip()), None)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _unreadable(path: Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"{path}: chromadb cannot read it ({type(error).__name__}: {str(error)[:300]}). Is it whole, and "
        "made by a chromadb that is not newer? Else export passages and vectors, see docs/guide/import.md"
    )
