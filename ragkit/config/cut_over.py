"""Changes the one word of a `rag.yaml` that says which store a collection is in."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ragkit.config.load import load_config
from ragkit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StoreWord:
    """Where a file says which store its collection is in.

    Args:
        line: its number, from 1.
        text: the whole line, without the spaces around it.
        start: of the word, in characters.
        end: of the word.
    """

    line: int
    text: str
    start: int
    end: int


def store_word(text: str, where: str) -> StoreWord:
    """The word in the text of a file.

    >>> store_word("collection: {store: local, embed: e}", "rag.yaml").line
    1

    Raises:
        ConfigError: it is not written there as a word: an alias, a variable or a merged key says it.
    """
    collection = _value(yaml.compose(text, Loader=yaml.SafeLoader), "collection")
    word = _value(collection, "store")
    if collection is None or word is None or not isinstance(word, yaml.ScalarNode):
        raise ConfigError(f"{where}: collection.store is not written here. Change it where it is")
    start, end = word.start_mark.index, word.end_mark.index
    if not collection.start_mark.index <= start < collection.end_mark.index or "$" in text[start:end]:
        raise ConfigError(
            f"{where}:{word.start_mark.line + 1}: collection.store is an alias or a variable. Change it there"
        )
    line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0].strip()
    return StoreWord(word.start_mark.line + 1, line, start, end)


def cut_over(path: Path, store: str) -> StoreWord:
    """Writes another store's name in place of the word, and leaves all else as it is; atomic.

    Returns:
        The line as it is now.

    Raises:
        ConfigError: see `store_word`; or the file with the other word has mistakes. It is unchanged then.
    """
    path = path.resolve()
    data = path.read_bytes()
    is_marked = data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    word = store_word(text, str(path))
    changed = f"{text[: word.start]}{store}{text[word.end :]}"
    _write(path, changed.encode("utf-8-sig" if is_marked else "utf-8"), store)
    return store_word(changed, str(path))


def _write(path: Path, data: bytes, store: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".yaml", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if load_config(new).collection.store != store:
            raise ConfigError(f"{path}: with {store!r} in place of the word it is read as another name")
        new.chmod(path.stat().st_mode & 0o7777)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _value(node: Any, key: str) -> Any:
    """The last value under a key of a mapping, as YAML takes it; None where there is none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    values = [value for name, value in node.value if getattr(name, "value", None) == key]
    return values[-1] if values else None
