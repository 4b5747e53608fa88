"""Reconciling: the account we trade in, and what stands and is held there, beside what our books say."""
