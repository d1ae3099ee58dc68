"""Document-level security: whether a role sees what it must, and does not see what it must not.

Both indexes hold a document of a tenant that nobody is. A role that sees it sees everybody's documents.
"""

from __future__ import annotations

from ragkit.errors import StoreError
from ragkit_connectors.opensearch.mapping import CANARY
from ragkit_connectors.opensearch.server import OpenSearchServer


def check_reader(server: OpenSearchServer) -> None:
    """Refuses a role whose reading is not limited to its tenants.

    Raises:
        StoreError: it sees a document of a tenant that nobody is.
    """
    seen = [name for name in _names(server) if _sees(server, name)]
    if seen:
        raise StoreError(
            f"{server.where}: tenancy: dls, and this user's role sees every tenant's documents in "
            f"{' and '.join(seen)}: no document-level security is in force for it. Give the role a dls query "
            "on both indexes, and the user no other role that reads them"
        )


def check_writer(server: OpenSearchServer) -> None:
    """Refuses a role that may not see all that a commit replaces.

    Raises:
        StoreError: document-level security hides documents from it.
    """
    hidden = [name for name in _names(server) if not _sees(server, name)]
    if hidden:
        raise StoreError(
            f"{server.where}: document-level security hides documents in {' and '.join(hidden)} from this "
            "user, who could not end what a commit replaces. Ingest with a role without a dls query"
        )


def refuse_writing(where: str) -> StoreError:
    """The error of a store that is there to read."""
    return StoreError(
        f"{where}: tenancy: dls is there to read: a role under document-level security does not see all that "
        "a commit replaces. Ingest with tenancy: filter and a role without a dls query"
    )


def _names(server: OpenSearchServer) -> tuple[str, str]:
    return server.settings.name, server.settings.records


def _sees(server: OpenSearchServer, name: str) -> bool:
    return server.find(f"/{name}/_doc/{CANARY}", _source=False) is not None
