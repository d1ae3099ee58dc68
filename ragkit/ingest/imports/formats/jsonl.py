"""`import/jsonl`: a folder with `passages.jsonl` and `vectors.npy`, which every program can write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError, did_you_mean
from ragkit.fields import shown
from ragkit.ingest.imports.formats.looks import read_json, refused
from ragkit.ingest.imports.formats.rows import offset_of, text_of
from ragkit.protocols import ForeignIndex, ForeignPassage, Metric

PASSAGES, VECTORS, ABOUT = "passages.jsonl", "vectors.npy", "about.json"
KEYS = ("id", "text", "metadata", "source", "part", "start", "page", "embedded")


class JsonlIndex:
    """Reads passages, one JSON object to a line, and their vectors, one row of an array for each line.

    A line has `id` and `text`, and may have `metadata`, `source`, `part`, `start`, `page` and `embedded`, see
    `ForeignPassage`. `about.json` beside them may say the metric: `{"metric": "cosine"}`, or `l2`, or
    `inner product`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "passages.jsonl").write_text('{"id": "a", "text": "One.", "source": "a.md"}')
    >>> np.save(folder / "vectors.npy", np.eye(1, 4, dtype=np.float32))
    >>> JsonlIndex().read(folder).passages[0].source
    'a.md'
    """

    def read(self, path: Path, name: str | None = None) -> ForeignIndex:
        """The passages of a folder.

        Raises:
            ConfigError: a file is missing or malformed, or their lengths are not the same.
        """
        if not (path / PASSAGES).is_file() or not (path / VECTORS).is_file():
            raise refused(path, f"a folder with {PASSAGES} and {VECTORS}")
        passages = [_passage(row, where) for where, row in lines(path / PASSAGES)]
        vectors = array(path / VECTORS)
        check_same_length(path, len(passages), len(vectors))
        return ForeignIndex(passages, vectors=vectors, metric=_metric(path / ABOUT))


def lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON object of each line that is not blank, with the place of the line.

    Raises:
        ConfigError: a line is not whole, or no JSON object.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for n, line in enumerate(file, 1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ConfigError(f"{path}:{n}: expected a JSON object, not {shown(value, 60)}")
                yield f"{path}:{n}", value
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 ({e.reason}). Write it with encoding='utf-8'") from e
    except (ValueError, RecursionError) as e:
        reason = "nested too deeply" if isinstance(e, RecursionError) else str(e)
        raise ConfigError(
            f"{path}:{n}: not a whole JSON object ({reason}). Was the file cut off? Write it again"
        ) from e


def array(path: Path) -> NDArray[np.float32]:
    """The vectors of a file that `numpy.save` wrote, shape `[n, d]`; never read through pickle.

    Raises:
        ConfigError: it is no array of numbers of two dimensions.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, SyntaxError, TokenError) as e:
        # What numpy says of a damaged head depends on where the damage is.
        raise ConfigError(
            f"{path}: not a whole array as numpy.save writes it ({e}). Write float32 of shape [n, d]"
        ) from e
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "fiu":
        shape = f"{found.dtype} of shape {found.shape}" if isinstance(found, np.ndarray) else "an archive"
        raise ConfigError(f"{path}: {shape}: expected numbers of shape [n, d]")
    # Beyond the range of float32 is an infinity, which the check of the vectors reports with its passage.
    with np.errstate(over="ignore"):
        return found.astype(np.float32, copy=False)


def check_same_length(path: Path, n_passages: int, n_vectors: int) -> None:
    """Refuses passages and vectors that cannot belong to each other.

    Raises:
        ConfigError: there are more of one than of the other.
    """
    if n_passages != n_vectors:
        raise ConfigError(
            f"{path}: {n_passages:,} passages and {n_vectors:,} vectors: expected one vector for each "
            "passage, in the same order. Write both again in one go"
        )


def _passage(row: dict[str, Any], where: str) -> ForeignPassage:
    for key in row:
        if key not in KEYS:
            raise ConfigError(
                f"{where}: {shown(key)}: unknown key. Keys: {', '.join(KEYS)}; what else is known of a "
                f"passage stands in metadata.{did_you_mean(key, KEYS)}"
            )
    problem = None
    for key, kind, what in (("start", int, "a whole number"), ("page", int, "a whole number")):
        value = row.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or value < 0):
            problem = f"its {key} is {shown(value, 40)}: expected {what} of at least 0"
    for key in ("source", "part", "embedded"):
        if row.get(key) is not None and not isinstance(row[key], str):
            problem = f"its {key} is {shown(row[key], 40)}: expected text"
    return ForeignPassage(
        row.get("id"),
        row.get("text"),
        row.get("metadata") or {},
        source=text_of(row.get("source")),
        part=text_of(row.get("part")) or "",
        start=offset_of(row.get("start")),
        page=offset_of(row.get("page")) or None,
        embedded=text_of(row.get("embedded")),
        problem=problem,
    )


def _metric(path: Path) -> Metric | None:
    if not path.is_file():
        return None
    about = read_json(path, "what says the metric")
    metric = about.get("metric")
    if metric not in get_args(Metric):
        raise ConfigError(
            f"{path}: metric {shown(metric)}: expected one of {', '.join(map(repr, get_args(Metric)))}"
        )
    return cast(Metric, metric)
