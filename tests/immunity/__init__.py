"""Immunity: what systems like this one broke by, and the tests that hold it here.

`python -m tests.immunity` writes docs/immunity.md from rows.toml; a test fails where the two differ.
"""
