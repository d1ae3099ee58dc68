"""Words that stand in a series, of which a question means one: `weekly` and `daily`, `first` and `second`."""

from __future__ import annotations

import re
from typing import Final

# A line: a series; each of its members is one pattern.
_LINES: Final = r"""
hourly|(?:per|every|each) hour // daily|(?:per|every|each) day // weekly|(?:per|every|each) week // monthly|(?:per|every|each) month // quarterly|(?:per|every|each) quarter // yearly|annual(?:ly)?|(?:per|every|each) year // (?:per|every|each) minute // (?:per|every|each) second
first // (?<!per )(?<!every )(?<!each )second // third // fourth // fifth
north(?:ern)? // south(?:ern)? // east(?:ern)? // west(?:ern)?
primary // secondary // tertiary
morning // afternoon // evening // night
gross // net
upper // lower
top // bottom
upgrad\w+ // downgrad\w+
at rest // in transit
deprecated // supported
kilobytes? // megabytes? // gigabytes? // terabytes?
miles? // kilomet(?:er|re)s?
windows // linux // macos
ежечасн\w+|в час // ежедневн\w+|в день // еженедельн\w+|в неделю // ежемесячн\w+|в месяц // ежегодн\w+|в год // в минуту // в секунду
перв\w+ // втор(?:ой|ая|ое|ые|ого|ому|ым|ом|ую|ых) // трет(?:ий|ья|ье|ьи|ьего|ьему|ьим|ьем|ью|ьих)
север\w* // юг|юга|югу|юге|южн\w+ // восто[кч]\w* // запад\w*
утр(?:о|а|ом|енн\w+) // вечер\w* // ночь|ночи|ночью|ночн\w+
верхн\w+ // нижн\w+
"""  # noqa: E501  (a series is a line)
_SERIES: Final = tuple(
    tuple(re.compile(rf"\b(?:{member})\b") for member in line.split(" // "))
    for line in _LINES.strip().splitlines()
)


def other_member(one: str, other: str) -> str | None:
    """The words of one series that two questions have, where they are not the same.

    What only one of them has from a series tells nothing: the other may say it in another way.

    Args:
        one: in lower case, in its normal form.
        other: likewise.

    >>> other_member("are weekly backups kept?", "are daily backups kept?")
    'weekly and daily'
    >>> other_member("is it sent daily?", "is it sent every day?") is None
    True
    """
    for series in _SERIES:
        ours = [member.search(one) for member in series]
        theirs = [member.search(other) for member in series]
        if not any(ours) or not any(theirs):
            continue
        if [m is None for m in ours] != [m is None for m in theirs]:
            return " and ".join(next(m[0] for m in found if m) for found in (ours, theirs))
    return None
