"""Changes what a `rag.yaml` says of the store that a collection is in, and of those that are written to."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ragkit.config.load import load_config
from ragkit.errors import ConfigError

_DEFAULTED = re.compile(r"\$\{(\w+):-([^${}]+)\}")


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
    """The word in the text of a file; of `${NAME:-word}` the default, where the variable is not set.

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
    place = f"{where}:{word.start_mark.line + 1}"
    is_within = collection.start_mark.index <= start < collection.end_mark.index
    defaulted = _DEFAULTED.search(text, start, end) if is_within else None
    if defaulted is not None and os.environ.get(defaulted[1]):
        raise ConfigError(
            f"{place}: collection.store follows the variable {defaulted[1]}, which is set. Set it to the "
            "other store's name"
        )
    if defaulted is not None:
        start, end = defaulted.span(2)
    if not is_within or "$" in text[start:end]:
        raise ConfigError(f"{place}: collection.store is an alias or a variable. Change it where it is set")
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
    text, encoding = _read(path)
    word = store_word(text, str(path))
    changed = f"{text[: word.start]}{store}{text[word.end :]}"
    _write(path, changed.encode(encoding), store)
    return store_word(changed, str(path))


def write_both(path: Path, stores: Sequence[str]) -> int:
    """Adds `dual_write: [a, b]` beside the word, and leaves all else as it is; atomic.

    Returns:
        The number of its line. Where the file has the key already it is not changed.

    Raises:
        ConfigError: see `store_word`; or the key is there and does not name all of the stores.
    """
    path = path.resolve()
    text, encoding = _read(path)
    word = store_word(text, str(path))
    collection = _value(yaml.compose(text, Loader=yaml.SafeLoader), "collection")
    there = _value(collection, "dual_write")
    if there is not None:
        line = int(there.start_mark.line) + 1
        named = {node.value for node in there.value} if isinstance(there, yaml.SequenceNode) else set()
        if not named.issuperset(stores):
            wanted = ", ".join(stores)
            raise ConfigError(f"{path}:{line}: dual_write is there already. Write: dual_write: [{wanted}]")
        return line
    key = f"dual_write: [{', '.join(stores)}]"
    if collection.flow_style:
        end = _value(collection, "store").end_mark.index
        changed = f"{text[:end]}, {key}{text[end:]}"
    else:
        end = text.find("\n", word.end)
        end = len(text) if end < 0 else end
        indent = " " * collection.start_mark.column
        changed = f"{text[:end].rstrip(chr(13))}\n{indent}{key}{text[end:]}"
    _write(path, changed.encode(encoding), load_config(path).collection.store)
    return changed.count("\n", 0, changed.index(key)) + 1


def _read(path: Path) -> tuple[str, str]:
    data = path.read_bytes()
    return data.decode("utf-8-sig"), "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"


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
