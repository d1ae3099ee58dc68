"""Whether two stores hold the same and answer the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ragkit.arrays import HitBatch
from ragkit.fields import shown
from ragkit.protocols import Analyzer, DocumentState, SparseIndex
from ragkit.store.migrate_read import Content, ContentReader

TOLERANCE = 1e-5
LEAST_OVERLAP = 0.99
_K, _TERMS, _LISTED = 10, 8, 20


@dataclass(frozen=True, slots=True)
class Parity:
    """What was compared, and what differs.

    Args:
        documents: states and texts that were compared.
        chunks: texts, places, metadata, groups and vectors that were compared.
        queries: sample questions, each asked of both stores.
        identical: those of them with the same ids in the same order.
        overlap: the part of the first store's ten best that the second gives too.
        is_exact: whether both promise to miss no neighbour.
        problems: what differs, the first twenty.
        n_problems: how many there are.
    """

    documents: int
    chunks: int
    queries: int = field(kw_only=True)
    identical: int = field(kw_only=True)
    overlap: float = field(kw_only=True)
    is_exact: bool = field(kw_only=True)
    problems: tuple[str, ...] = field(kw_only=True)
    n_problems: int = field(kw_only=True)

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.n_problems


@dataclass(slots=True)
class _Tally:
    documents: int = 0
    chunks: int = 0
    queries: int = 0
    identical: int = 0
    wanted: int = 0
    found: int = 0
    problems: list[str] = field(default_factory=list)
    samples: list[tuple[str, Content, int]] = field(default_factory=list)


def compare(
    source: ContentReader,
    target: ContentReader,
    analyzer: Analyzer,
    *,
    n_queries: int = 100,
    seed: int = 0,
    progress: Callable[[int, int, str], None],
) -> Parity:
    """Every document and chunk of both, then the ten best of sample questions: passages by vector and words.

    On exact stores the ids must be the same, up to swaps of scores within 1e-5; where one of them is
    approximate, 99 % of the first store's hits must come.
    """
    tally, chosen = _Tally(), random.Random(seed)  # noqa: S311  (a sample, no secret)
    states = list(source.manifest.states())
    if source.store.counts() != target.store.counts():
        tally.problems.append(f"counts: {source.store.counts()} there, {target.store.counts()} here")
    for state in states:
        content = source.content(state)
        tally.problems += _differences(state, content, target)
        tally.documents += 1
        for row in range(len(content.chunks)):
            tally.chunks += 1
            place = chosen.randrange(tally.chunks)
            # Reservoir sampling: every chunk has the same chance, and only the sample is kept.
            if len(tally.samples) < n_queries:
                tally.samples.append((state.tenant, content, row))
            elif place < n_queries:
                tally.samples[place] = (state.tenant, content, row)
        progress(tally.documents, len(states), "comparing")
    is_exact = source.store.capabilities.exact_dense and target.store.capabilities.exact_dense
    for tenant, content, row in tally.samples:
        _ask(tally, (source, target), tenant, content, row, analyzer, is_exact)
    overlap = tally.found / tally.wanted if tally.wanted else 1.0
    if overlap < LEAST_OVERLAP:
        tally.problems.append(f"of the ten best {overlap:.4f} are the same, expected {LEAST_OVERLAP} or more")
    return Parity(
        tally.documents,
        tally.chunks,
        queries=tally.queries,
        identical=tally.identical,
        overlap=overlap,
        is_exact=is_exact,
        problems=tuple(tally.problems[:_LISTED]),
        n_problems=len(tally.problems),
    )


def _differences(state: DocumentState, ours: Content, target: ContentReader) -> Iterator[str]:
    name = f"document {shown(state.document_id)}"
    there = target.manifest.state(state.tenant, state.document_id)
    if there != state:
        yield f"{name}: its state is {there}, expected {state}"
        return
    theirs = target.content(state)
    if theirs.document != ours.document:
        yield f"{name}: another text or structure"
    for mine, its in zip(ours.chunks, theirs.chunks, strict=True):
        if mine != its:
            yield f"{name}: chunk {mine.id} differs"
    if not np.allclose(ours.vectors, theirs.vectors, atol=1e-6, rtol=0):
        yield f"{name}: other vectors"


def _ask(
    tally: _Tally,
    stores: tuple[ContentReader, ContentReader],
    tenant: str,
    content: Content,
    row: int,
    analyzer: Analyzer,
    is_exact: bool,
) -> None:
    source, target = stores
    vector, chunk = content.vectors[row : row + 1], content.chunks[row]
    scope = source.scope(tenant, chunk.acl)
    ours, theirs = source.store.search(vector, _K, scope)[0], target.store.search(vector, _K, scope)[0]
    _count(tally, f"nearest to chunk {chunk.id}", ours, theirs, is_exact)
    if isinstance(source.store, SparseIndex) and isinstance(target.store, SparseIndex):
        terms = list(dict.fromkeys(analyzer.terms(chunk.search_text)))[:_TERMS]
        ours = source.store.search_terms([terms], _K, scope)[0]
        theirs = target.store.search_terms([terms], _K, scope)[0]
        _count(tally, f"words of chunk {chunk.id}", ours, theirs, True)


def _count(tally: _Tally, what: str, ours: HitBatch, theirs: HitBatch, is_exact: bool) -> None:
    mine, its = ours.id_list(), theirs.id_list()
    tally.queries += 1
    tally.identical += mine == its
    tally.wanted += len(mine)
    # At the cut a swap within rounding may bring another chunk in.
    is_near = len(mine) == len(its) and bool(np.allclose(ours.scores, theirs.scores, atol=TOLERANCE, rtol=0))
    same = len(mine) if is_near and is_exact else len(set(mine) & set(its))
    tally.found += same
    if is_exact and not is_near:
        tally.problems.append(f"{what}: {its} with {theirs.scores.tolist()}, expected {mine}")
