"""Fuzzing: whatever comes from outside ends in a value or in an error of ours, soon, and in little memory.

A few hundred examples of each parser run with the other tests. FUZZ_EXAMPLES says how many instead, as in
`FUZZ_EXAMPLES=20000 python -m tests --sqlite-only --timeout 0 tests/fuzzing`.
"""
