"""Logins: what a broker gives for one is kept and renewed, and an operator is told in time that it ends."""
