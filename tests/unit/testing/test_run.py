from __future__ import annotations

import subprocess
import sys

from ragkit.store_spec import StoreSpec
from ragkit.testing.oracle import OracleStore
from ragkit.testing.run import CheckResult, run_checks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks


class Checks(VectorStoreChecks, SparseIndexChecks):
    def make_store(self, spec: StoreSpec) -> OracleStore:
        return OracleStore(spec)


class Broken(Checks):
    def test_a_removed_document_is_gone(self) -> None:
        """Fails, to see that the others still run."""
        raise AssertionError("as asked")


def test_the_oracle_passes_without_a_test_framework() -> None:
    seen: list[CheckResult] = []
    results = run_checks(Checks(), seen.append)
    assert results == seen
    assert len(results) > 20
    assert [r for r in results if r.error] == []
    assert all(r.asks for r in results)


def test_a_failure_is_kept_and_the_rest_goes_on() -> None:
    failed = [r for r in run_checks(Broken()) if r.error]
    assert [(r.name, str(r.error)) for r in failed] == [("test_a_removed_document_is_gone", "as asked")]
    assert len(run_checks(Broken())) == len(run_checks(Checks()))


def test_the_checks_import_neither_pytest_nor_hypothesis() -> None:
    code = (
        "import sys; from ragkit.testing import stores, indexes, filters, oracle, run, data; "
        "print({'pytest', 'hypothesis'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
