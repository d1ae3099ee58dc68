"""Hypothesis strategies for what travels through a graph and what is kept of it."""

from __future__ import annotations

from hypothesis import strategies as st

from ragkit.arrays import HitBatch
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply, Timing
from ragkit.testing.strategies import filters
from ragkit.types import (
    Answer,
    ArmRanking,
    Chunk,
    Citation,
    Context,
    Hit,
    Passage,
    Query,
    QueryPlan,
    Ranking,
    Rankings,
    Sentence,
    Span,
    Turn,
    Usage,
)

texts = st.text(max_size=12)
names = st.text(min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
single = st.floats(allow_nan=False, allow_infinity=False, width=32)
chunk_ids = st.integers(0, 40).map(lambda n: f"{n:032x}")
spans = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: Span(min(pair), max(pair)))
span_lists = st.lists(spans, max_size=3).map(tuple)

citations = st.builds(
    Citation,
    st.integers(1, 99),
    document_id=names,
    start=st.integers(0, 10**6),
    end=st.integers(0, 10**6),
    quote=texts,
    chunk_id=chunk_ids,
    support=numbers,
    uri=st.none() | texts,
    page=st.none() | st.integers(1, 999),
    heading=texts,
)
sentences = st.lists(
    st.builds(Sentence, texts, citations=st.lists(citations, max_size=2).map(tuple)), max_size=2
).map(tuple)
reasons = st.sampled_from([None, "no_evidence", "no_documents", "unsupported"])
counts = st.none() | st.integers(0, 10**9)

# --- outcomes -------------------------------------------------------------------------------------

places = st.builds(Place, chunk_ids, names, spans=span_lists, score=st.none() | numbers)
founds = st.builds(
    Found,
    names,
    names,
    kind=st.sampled_from(["arm", "ranking", "context"]),
    places=st.lists(places, max_size=4).map(tuple),
    query=texts,
)
replies = st.builds(
    Reply,
    texts,
    sentences=sentences,
    dropped=sentences,
    abstained=st.booleans(),
    reason=reasons,
    generator=texts,
)
outcomes = st.builds(
    Outcome,
    names,
    found=st.lists(founds, max_size=3).map(tuple),
    reply=st.none() | replies,
    degraded=st.lists(names, max_size=2).map(tuple),
    error=st.none() | texts,
    input_tokens=counts,
    output_tokens=counts,
    usd=st.none() | numbers,
)
timings = st.builds(Timing, names, numbers, nodes=st.dictionaries(names, numbers, max_size=3))

# --- values of stages -----------------------------------------------------------------------------

queries = st.builds(Query, names, texts, weight=numbers)
turns = st.builds(Turn, st.sampled_from(["user", "assistant"]), texts)
plans = st.builds(
    QueryPlan,
    texts,
    queries=st.lists(queries, max_size=2).map(tuple),
    filter=st.none() | filters(),
    tenant=st.none() | names,
    acl=st.none() | st.lists(names, max_size=2).map(tuple),
    history=st.lists(turns, max_size=2).map(tuple),
    commit=st.none() | st.integers(0, 10**6),
)
metadata = st.dictionaries(
    names, texts | st.integers() | numbers | st.booleans() | st.lists(texts, max_size=2), max_size=2
)
chunks = st.builds(
    Chunk,
    chunk_ids,
    names,
    span=spans,
    text=texts,
    ordinal=st.integers(0, 99),
    uri=st.none() | texts,
    headings=st.lists(texts, max_size=2).map(tuple),
    page=st.none() | st.integers(1, 99),
    lang=st.sampled_from(["en", "ru", "und"]),
    metadata=metadata,
    tenant=texts,
    acl=st.lists(names, max_size=2).map(tuple),
)
hits = st.builds(Hit, chunks, numbers, scores=st.dictionaries(names, numbers, max_size=3))
hit_lists = st.lists(hits, max_size=4).map(tuple)
batches = st.dictionaries(chunk_ids, single, max_size=5).map(lambda pairs: HitBatch.of(pairs.items()))
arms = st.builds(ArmRanking, queries, retriever=names, hits=batches, trust=numbers, floor=numbers)
rankings = st.builds(Rankings, plans, st.lists(arms, max_size=2).map(tuple))
ranking = st.builds(Ranking, plans, hit_lists, degraded=st.lists(names, max_size=2).map(tuple))
passages = st.builds(Passage, hits, span_lists)
contexts = st.builds(Context, plans, st.lists(passages, max_size=3).map(tuple))
answers = st.builds(
    Answer,
    plans,
    text=texts,
    sentences=sentences,
    context=st.none() | contexts,
    abstained=st.booleans(),
    reason=reasons,
    dropped=sentences,
    degraded=st.lists(names, max_size=2).map(tuple),
    usage=st.builds(Usage, numbers, input_tokens=counts, output_tokens=counts, usd=st.none() | numbers),
    generator=texts,
    trace_id=texts,
)
values = plans | rankings | ranking | contexts | answers
