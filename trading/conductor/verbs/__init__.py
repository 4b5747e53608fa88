"""Verbs: what an operator can do by hand, each with a reason, each kept with its actor and with what came of it."""
