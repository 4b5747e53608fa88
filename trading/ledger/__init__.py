"""Ledger: the two memories, legacy tables and event store, written in one commit."""
