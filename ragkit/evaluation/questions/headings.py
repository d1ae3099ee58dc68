"""Headings as questions: those that are one, those that lack its mark, those that tell what to do."""

from __future__ import annotations

import re

from ragkit.evaluation.questions.draft import Asked

_ASKING = {
    "en": re.compile(
        r"(?:What|Why|When|Where|Who|Which \w+|How (?:many|much|long|often))"
        r" (?:is|are|does|do|can|should|was|were|will|happens)\b"
    ),
    "ru": re.compile(
        r"(?:Что|Как|Зачем|Почему|Когда|Где|Сколько|Как(?:ой|ая|ое|ие|им|ую)|Чем|Кто|Кому|Откуда|Куда"
        r"|Можно ли"
        r"|Нужно ли)\s"
    ),
}
_NOT_ASKING = re.compile(r"(?:Как (?:и|только|правило|будто)|Что-то|Когда-то|Как-то)\b")
_VERBS = [
    "add",
    "allow",
    "apply",
    "avoid",
    "build",
    "call",
    "change",
    "check",
    "choose",
    "clone",
    "close",
    "configure",
    "connect",
    "copy",
    "count",
    "create",
    "customize",
    "debug",
    "declare",
    "define",
    "delete",
    "deploy",
    "disable",
    "download",
    "edit",
    "enable",
    "encrypt",
    "export",
    "extend",
    "find",
    "fix",
    "generate",
    "get",
    "handle",
    "hide",
    "import",
    "include",
    "inspect",
    "install",
    "list",
    "load",
    "make",
    "migrate",
    "monitor",
    "mount",
    "move",
    "open",
    "organize",
    "override",
    "pass",
    "pin",
    "print",
    "read",
    "register",
    "remove",
    "rename",
    "replace",
    "request",
    "reset",
    "restart",
    "restore",
    "return",
    "rotate",
    "run",
    "scale",
    "send",
    "separate",
    "serve",
    "set",
    "share",
    "start",
    "stop",
    "store",
    "stream",
    "sync",
    "test",
    "tune",
    "update",
    "upgrade",
    "upload",
    "use",
    "validate",
    "verify",
    "view",
    "wrap",
    "write",
]
_BASE = {verb.capitalize(): verb for verb in _VERBS}
_BASE |= {f"{(v[:-1] if v.endswith('e') else v).capitalize()}ing": v for v in _VERBS}
_BASE |= {"Getting": "get", "Running": "run", "Setting": "set", "Stopping": "stop", "Pinning": "pin"}
_INFINITIVES = {
    "Создайте": "создать", "Установите": "установить", "Запустите": "запустить",
    "Импортируйте": "импортировать", "Используйте": "использовать", "Добавьте": "добавить",
    "Настройте": "настроить", "Объявите": "объявить", "Определите": "определить", "Проверьте": "проверить",
    "Откройте": "открыть", "Удалите": "удалить", "Обновите": "обновить", "Разверните": "развернуть",
    "Скачайте": "скачать", "Измените": "изменить", "Включите": "включить", "Отключите": "отключить",
    "Сгенерируйте": "сгенерировать", "Верните": "вернуть", "Подключите": "подключить",
    "Восстановите": "восстановить", "Переопределите": "переопределить",
}  # fmt: skip
# Words that begin headings as nouns or adjectives as well: an article tells.
_AMBIGUOUS = frozenset(
    [
        "open",
        "separate",
        "set",
        "list",
        "count",
        "print",
        "start",
        "stop",
        "test",
        "request",
        "export",
        "import",
        "change",
        "copy",
        "view",
        "stream",
        "mount",
        "scale",
        "return",
        "register",
        "store",
        "load",
        "check",
        "wrap",
        "monitor",
        "use",
        "clone",
        "find",
    ]
)
_ARTICLES = frozenset({"a", "an", "the", "your", "all", "each", "custom", "multiple", "additional"})
_MOST_WORDS = 12


def heading_as_question(title: str, lang: str) -> Asked | None:
    """The question that a heading is or stands for; None where it is none.

    >>> asked = heading_as_question("Restoring a backup", "en")
    >>> asked.kind, asked.text
    ('howto', 'How do I restore a backup?')
    """
    words = title.split()
    if not 2 <= len(words) <= _MOST_WORDS or lang not in _ASKING:
        return None
    if title.endswith("?"):
        return Asked("faq", title, answers=())
    if re.search(r"[:;,.!()]| - | — ", title):
        return None
    if lang == "en":
        return _english(title, words)
    if words[0] in _INFINITIVES:
        return Asked("howto", f"Как {' '.join([_INFINITIVES[words[0]], *words[1:]])}?", answers=())
    if _ASKING["ru"].match(title) and not _NOT_ASKING.match(title) and len(words) >= 3:
        return Asked("howto" if words[0] == "Как" else "faq", f"{title}?", answers=())
    return None


def _english(title: str, words: list[str]) -> Asked | None:
    if title.lower().startswith("how to ") and len(words) >= 3:
        return Asked("howto", f"How do I {title[7:]}?", answers=())
    base = _BASE.get(words[0])
    # "Set of rules", "Test and release": no order with an object.
    if (base in _AMBIGUOUS and words[1].lower() not in _ARTICLES) or words[1].endswith("ing"):
        base = None
    if (
        base
        and words[-1] not in {"Again", "Not"}
        and words[1] not in {"of", "and", "or", "is", "are", "in", "on", "for", "to"}
        and len(words) >= 3
    ):
        return Asked("howto", f"How do I {' '.join([base, *words[1:]])}?", answers=())
    if _ASKING["en"].match(title):
        return Asked("faq", f"{title}?", answers=())
    return None
