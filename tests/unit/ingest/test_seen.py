from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.ingest.seen import Earlier, Seen

names = st.text(max_size=3) | st.sampled_from(["a/b.md", "a/c.md", "\ud800"])


@given(st.lists(st.tuples(names, st.sampled_from(["x", "y"]), st.booleans()), max_size=60))
def test_it_answers_as_a_dict_does(steps: list[tuple[str, str, bool]]) -> None:
    seen, known = Seen(), dict[str, Earlier | None]()
    for n, (name, content, decides) in enumerate(steps, 1):
        assert (name in seen, seen.earlier(name)) == (name in known, known.get(name))
        if decides:
            seen.decide(name, content, n)
            known[name] = Earlier(seen.mark(content), n)
        else:
            assert seen.add(name) == (name not in known)
            known.setdefault(name, None)
    assert len(seen) == len(known)


def test_it_grows() -> None:
    seen = Seen()
    for n in range(20_000):
        seen.decide(f"d{n}", f"c{n}", n)
    assert len(seen) == 20_000
    assert all(seen.earlier(f"d{n}") == Earlier(seen.mark(f"c{n}"), n) for n in range(20_000))
    assert "d20000" not in seen
