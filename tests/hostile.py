"""Values that a caller may send for a tenant, a group, a filter or a text, to see another's data or to break
something.

`MALFORMED` ones must be refused; `STRANGERS` are well formed and nobody's, though they look like somebody's.
"""

from __future__ import annotations

from typing import Any

from ragkit.filters import And, Eq, Exists, Filter, In, Not, Or

# Ten tenants that a careless store would mix up: by case, by look, by Unicode form, by an invisible letter.
TENANTS = ("acme", "Acme", "\u0430cme", "acme\u200b", "\u00e9", "e\u0301", "globex", "1", "None", "all")
GROUPS = ("staff", "Staff", "legal")


def nested(depth: int) -> list[Any]:
    """A list in a list in a list …"""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


# Deeper than Python recurses.
DEEP = nested(100_000)


class Unwritable:
    """What cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


MALFORMED: tuple[Any, ...] = (
    None,
    "",
    " ",
    "acme ",
    " acme",
    "\tacme",
    "acme\n",
    "acme\xa0",
    "\u3000acme",
    "*",
    "acme\x00",
    "\x00",
    "acme\x00globex",
    "acme\u2028",
    "a\x7fcme",
    "\ud800",
    "acme\udfff",
    "x" * 257,
    "x" * 10_000,
    0,
    1,
    -1,
    True,
    False,
    1.5,
    float("nan"),
    10**5000,
    b"",
    b"acme",
    bytearray(b"acme"),
    [],
    ["acme"],
    ("acme",),
    {},
    {"acme"},
    {"acme": "acme"},
    DEEP,
    object(),
    Unwritable(),
    Eq("tenant", "acme"),
    TENANTS,
)
STRANGERS = (
    "ACME",
    "acme\u200c",
    "\uff41\uff43\uff4d\uff45",
    "acm\u0435",
    "ac\u00adme",
    "\ufeffacme",
    "\u00e9\u0301",
    "e",
    "acme,globex",
    "acme|globex",
    "acme' OR '1'='1",
    'acme" --',
    "acme;DROP TABLE chunks",
    "%",
    "_",
    "ac%",
    "?",
    "../globex",
    "acme/../globex",
    "{{tenant}}",
    "${TENANT}",
    "null",
    "undefined",
    "**",
    ".*",
    "x" * 256,
    "𝒶cme",
    "\u202eemca",
    "0",
)
MALFORMED_ACLS: tuple[Any, ...] = (
    "",
    "staff",
    b"",
    b"staff",
    0,
    1,
    True,
    False,
    1.5,
    {},
    {"staff": 1},
    object(),
    Unwritable(),
    iter(["staff"]),
    10**5000,
    [None],
    [""],
    ["*"],
    ["staff", "*"],
    ["staff "],
    ["staff\x00"],
    [0],
    [b"staff"],
    [[]],
    [["staff"]],
    ["x" * 257],
    ["\ud800"],
    DEEP,
    {0},
    (Unwritable(),),
)
STRANGE_ACLS: tuple[Any, ...] = (
    None,
    [],
    (),
    ["STAFF"],
    ["staff\u200b"],
    ["st\u0430ff"],
    ["staff,legal"],
    ["staff|legal"],
    ["%"],
    ["nobody"],
    {"' OR 1=1 --"},
    [".*"],
    ["null"],
)


def malformed_filters(other: str, group: str) -> list[Any]:
    """Filters that name what is no field, to reach the data of tenant `other` and of `group`."""
    by_hand: list[Filter] = [
        Eq("tenant", other),
        Not(Eq("tenant", "nobody")),
        Or((Eq("lang", "en"), Eq("tenant", other))),
        And((Eq("lang", "en"), Not(Not(In("acl", (group,)))))),
        Exists("tenant"),
        Not(Exists("acl")),
        Or((Not(Eq("acl", group)),)),
        Eq("Tenant", other),
        Eq("chunks.tenant", other),
    ]
    written: list[Any] = [
        {"tenant": other},
        {"tenant": {"in": [other]}},
        {"tenant": {"ne": "nobody"}},
        {"acl": [group]},
        {"acl": {"contains": group}},
        {"or": [{"tenant": other}, {"lang": "en"}]},
        {"not": {"tenant": "nobody"}},
        {"and": [{"not": {"acl": {"exists": True}}}]},
        {"TENANT": other},
        {"tenant\x00": other},
        {" tenant": other},
        {"$or": [{"tenant": other}]},
        {"lang": {"$ne": ""}},
        {"lang": {"or": [other]}},
        {"lang": {"eq": {"tenant": other}}},
        {"1=1 --": 1},
        {"": other},
        {None: other},
        {"lang": None},
        {"lang": 10**5000},
        {"lang": DEEP},
        {"or": other},
        {"not": []},
        {"not": {}},
        other,
        5,
        [{"lang": "en"}],
        Unwritable(),
    ]
    return by_hand + written


# Filters that hold everywhere, in the hope that they also hold where they are not asked.
WIDENING: tuple[Any, ...] = (
    {"or": [{"lang": "en"}, {"not": {"lang": "en"}}]},
    {"not": {"or": []}},
    {"and": []},
    {"not": {"lang": []}},
    {"not": {"lang": {"in": ["nothing"]}}},
    Or((Not(Or(())), Eq("lang", "en"))),
    Not(And((Eq("lang", "en"), Not(Eq("lang", "en"))))),
)
# A short list of our own; the long public ones are run by hand.
TEXTS = (
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\ufeff",
    "\ufffe",
    "\uffff",
    "\u202eevil\u202c",
    "\u200b\u200d",
    "e\u0301" * 50,
    "Z̸̢̡̛̤͔͎͍͖̈́͊̈́a̶l̷g̸o̴",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "مرحبا",
    "田中さん",
    "ﷺ",
    "İıſK",
    "ß",
    "Ω≈ç√∫",
    "¡™£",
    "　",
    "\xa0",
    "\x85",
    "../../etc/passwd",
    "C:\\con\\nul",
    "'; DROP TABLE documents; --",
    "1' OR '1'='1",
    "%s%n{0}{{x}}${x}",
    "=1+1",
    "<script>alert(1)</script>",
    "&lt;&amp;",
    "NaN",
    "Infinity",
    "null",
    "None",
    "true",
    "1e400",
    "0x7fffffff",
    "\\",
    '"',
    "'",
    "`",
    "\\u0000",
    "\r\n",
    "\t",
    "-",
    "--index",
    "@",
    "#",
    "file:///dev/zero",
    "x" * 4096,
)
