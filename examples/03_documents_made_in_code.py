"""Documents made in code, with metadata to filter by and a tenant that keeps them apart."""

from __future__ import annotations

import tempfile

import ragkit
from ragkit import Document

FIELDS = {"tenant": "keyword!", "lang": "keyword", "year": "integer"}

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, set={"collection.fields": FIELDS}) as rag:
    rag.ingest(
        [
            Document(
                "terms-2024", "Returns are accepted for 14 days.", metadata={"year": 2024}, uri="db://1"
            ),
            Document(
                "terms-2025", "Returns are accepted for 30 days.", metadata={"year": 2025}, uri="db://2"
            ),
        ],
        tenant="acme",
        progress=False,
    )
    rag.ingest([Document("terms", "Returns are never accepted.")], tenant="other", progress=False)

    new = rag.ask("For how many days are returns accepted?", tenant="acme", filter={"year": {"gte": 2025}})
    print(new.text)
    assert "30 days" in new.text

    try:
        rag.ask("For how many days are returns accepted?")
    except ragkit.TenantError as e:
        print(f"without a tenant: {e}")
