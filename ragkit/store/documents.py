"""What a collection knows of its documents: their texts, and the state of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ragkit.errors import QueryError
from ragkit.fields import ACL, TENANT, FieldSpec, shown
from ragkit.protocols import DocumentState, Manifest, Scope, StoreCounts, VectorStore
from ragkit.store.access import Access
from ragkit.store.admission import has_surrogate
from ragkit.types import Document


class CollectionDocuments:
    """The part of a collection that reads the record of documents, in the name of a tenant.

    collection.source("manual.pdf", tenant="acme").text
    [state.uri for state in collection.states_of("acme")]
    """

    store: VectorStore
    fields: Mapping[str, FieldSpec]
    _access: Access
    _manifest: Manifest

    def head(self) -> int:
        """The current commit: what a new plan pins."""
        return self.store.head()

    def source(
        self, document_id: str, *, tenant: str | None = None, acl: Sequence[str] | None = None
    ) -> Document:
        """A document as it was committed, with its canonical text.

        Args:
            document_id: its id, or the uri that a citation shows.

        Raises:
            QueryError: no such document is visible to this tenant and acl. One that exists and is hidden
                gives the same error.
            TenantError: as for `plan`.
        """
        own_tenant, groups = self._access.tenant(tenant) or "", self._access.acl(acl)
        _check_id(document_id)
        for document in self._named(document_id, own_tenant):
            if groups is None or not set(groups).isdisjoint(document.acl):
                return document
        raise QueryError(
            f"no document {shown(document_id)} here. Its id is the `document_id` of a citation or hit, "
            "as ragkit ask --json and ragkit retrieve --json show it"
        )

    def state(self, document_id: str, *, tenant: str | None = None) -> DocumentState | None:
        """What is known of a document, or None.

        Raises:
            QueryError: its id is no text.
            TenantError: as for `plan`.
        """
        own_tenant = self._access.tenant(tenant) or ""
        _check_id(document_id)
        return None if has_surrogate(document_id) else self._manifest.state(own_tenant, document_id)

    def states(self, tenant: str | None = None) -> Iterable[DocumentState]:
        """All documents of a tenant, or (for whoever runs the collection) of all, by tenant and id."""
        return self._manifest.states(None if tenant is None else self._access.tenant(tenant))

    def states_of(self, tenant: str | None) -> Iterable[DocumentState]:
        """The documents of one tenant, by id; of none but those without a tenant where None is given.

        Raises:
            TenantError: as for `plan`.
        """
        return self._manifest.states(self._access.tenant(tenant) or "")

    def states_named(self, name: str, *, tenant: str | None = None) -> Iterator[DocumentState]:
        """The documents of one tenant with this id, and those that came from this uri; each once.

        Raises:
            TenantError, QueryError: as for `state`.
        """
        by_id = self.state(name, tenant=tenant)
        if by_id is not None:
            yield by_id
        if not has_surrogate(name):
            for state in self._manifest.at_uri(self._access.tenant(tenant) or "", name):
                if state.document_id != name:
                    yield state

    def scope_of(self, state: DocumentState) -> Scope:
        """What reads all of one document at the current commit, for whoever runs the collection.

        Not for answering: it is in the name of the document's own tenant and groups.
        """
        acl: tuple[str, ...] | None = None
        if ACL in self.fields:
            document = self._manifest.source(state.tenant, state.document_id)
            acl = () if document is None else document.acl
        tenant = state.tenant if TENANT in self.fields else None
        return Scope(tenant=tenant, acl=acl, commit=self.head())

    def quarantined(self) -> Iterable[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        return self._manifest.quarantined()

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return self.store.counts()

    def _named(self, name: str, tenant: str) -> Iterator[Document]:
        """The documents of a tenant with this id, then those with this uri."""
        if has_surrogate(name):
            return
        by_id = self._manifest.source(tenant, name)
        if by_id is not None:
            yield by_id
        for state in self._manifest.at_uri(tenant, name):
            if (found := self._manifest.source(tenant, state.document_id)) is not None:
                yield found


def _check_id(document_id: object) -> None:
    if not isinstance(document_id, str):
        raise QueryError(f"document_id={shown(document_id)}: expected text, the id of a document")
