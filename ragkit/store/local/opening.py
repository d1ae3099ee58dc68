"""From a folder to a manifest that says what lies in it: looked at, made where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store.files import sync_folder
from ragkit.store.local import schema
from ragkit.store.local.last_commit import LAST_COMMIT, LastCommit
from ragkit.store.local.manifest import SqliteManifest
from ragkit.store.local.verify import RESTORE
from ragkit.store_spec import StoreSpec


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found, or made: the record of documents, and what the index is for."""

    manifest: SqliteManifest
    spec: StoreSpec


def opened(folder: Path, spec: StoreSpec | None, *, create: bool) -> Opened:
    """Looks at the folder and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError, CorruptIndexError: see `LocalStore.open`.
    """
    path, last = folder / "manifest.sqlite", LastCommit(folder / LAST_COMMIT)
    # Asked first: who makes an index makes the manifest before the vectors.
    is_used = any(folder.glob("vectors-*.f32")) or last.read() > 0
    if schema.is_unmade(path):
        if is_used:
            raise CorruptIndexError(f"{path}: missing, and with it all documents. {RESTORE}")
        if spec is None or not create:
            raise StoreError(f"{folder}: no index here. Make one: ragkit ingest DOCS --index {folder}")
        _make_folder(folder, last)
        schema.create(path, spec.to_json())
    manifest = SqliteManifest(path)
    try:
        recorded = _recorded(manifest)
        if spec is not None:
            spec = spec.completed(recorded)
            spec.check(recorded, str(folder))
    except BaseException:
        manifest.close()
        raise
    look_for_losses(manifest, last)
    return Opened(manifest, spec or recorded)


def look_for_losses(manifest: SqliteManifest, last: LastCommit) -> None:
    """Has the manifest refuse questions where commits that were reported are not in it any more."""
    reported = last.read()
    manifest.lost = None
    manifest.lost = last.problem(reported, manifest.head().number)


def _recorded(manifest: SqliteManifest) -> StoreSpec:
    try:
        return StoreSpec.from_json(manifest.spec())
    except (ValueError, KeyError, TypeError) as e:
        raise CorruptIndexError(
            f"{manifest.path}: what it was made with is unreadable ({e}). {RESTORE}"
        ) from e


def _make_folder(path: Path, last: LastCommit) -> None:
    try:
        (path / "postings").mkdir(parents=True, exist_ok=True)
        if not last.is_readable:
            last.renew(0)
        # The folder's own entry, and that of the one above in case it is new too.
        for above in list(path.absolute().parents)[:2]:
            sync_folder(above)
    except OSError as e:
        raise StoreError(f"{path}: the folder cannot be made ({e}). Check path and permissions") from e
