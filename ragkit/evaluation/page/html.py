"""HTML that is escaped where it is made: text goes in as text, and only `Markup` comes out as it is.

Questions, answers and documents are not trusted. There is no template, so there is no place where one could
forget to escape.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

# What no parser or font should have to deal with, each replaced by one character, so that positions hold:
# controls, halves of surrogate pairs, noncharacters.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
_VOID = frozenset({"br", "hr", "input", "link", "meta"})


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that is safe to put into a page. `tag`, `joined` and `verbatim` make it.

    >>> tag("p", "a < b", title='"quoted"').html
    '<p title="&quot;quoted&quot;">a &lt; b</p>'
    """

    html: str


Child = Markup | str | int | None
Attribute = str | int | float | bool | None


def clean(text: str) -> str:
    """The text with U+FFFD in place of each character that has no place in a page; of the same length."""
    return _UNFIT.sub("\ufffd", text)


def joined(*children: Child | Iterable[Child]) -> Markup:
    """Texts and elements, one after the other; None is nothing."""
    return Markup("".join(_html(child) for child in children))


def tag(name: str, /, *children: Child | Iterable[Child], **attributes: Attribute) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: texts are escaped, `Markup` stays, None is nothing; lists of these are laid flat.
        attributes: by name; `class_` is `class` and `aria_label` is `aria-label`. True is an attribute
            without a value; None and False leave it out.
    """
    opening = f"<{_named(name)}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(opening if name in _VOID else f"{opening}{joined(*children).html}</{name}>")


def verbatim(name: str, content: str, /, **attributes: Attribute) -> Markup:
    """A `script` or `style`, whose content has no escapes.

    Raises:
        ValueError: the content would end the element or begin a comment in it.
    """
    if re.search(r"</|<!--", content):
        raise ValueError(f"the content of <{name}> has '</' or '<!--' in it")
    opening = f"<{_named(name)}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Markup(f"{opening}{content}</{name}>")


def foreign(text: str, **attributes: Attribute) -> Markup:
    """A text from the data: what it says of the direction of writing ends where it ends."""
    return tag("bdi", text, **attributes)


def _html(child: Child | Iterable[Child]) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child.html
    if isinstance(child, str | int):
        return html.escape(clean(str(child)), quote=False)
    return "".join(_html(one) for one in child)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = _named(key.rstrip("_").replace("_", "-"))
    return f" {name}" if value is True else f' {name}="{html.escape(clean(str(value)))}"'


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an element or attribute")
    return name
