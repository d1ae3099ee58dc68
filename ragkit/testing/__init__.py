"""Checks that every implementation of a protocol must pass, an exact oracle, and strategies for random data.

For whoever writes a store, an index or a model: subclass a class of checks, say how to make the thing, and
run it under pytest. The checks are plain assertions, so `run_checks` runs them without pytest too.

    class TestMyStore(VectorStoreChecks):
        def make_store(self, spec):
            return MyStore(...).open(spec)
"""
