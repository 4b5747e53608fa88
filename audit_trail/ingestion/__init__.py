"""Ingestion: what was fetched from a source of market intelligence, when, and which records came of it."""
