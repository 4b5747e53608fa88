"""Decisions: what we intend to trade and why, stored with what it rests on before anyone acts on it."""
