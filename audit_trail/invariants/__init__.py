"""Invariants of the audit trail: what its rows must never say, each a function that looks and tells where they do."""
