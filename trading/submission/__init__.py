"""Submission: how an order gets to a broker once and never twice, and what is done where that is not known."""
