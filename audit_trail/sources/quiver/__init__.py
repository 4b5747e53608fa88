"""Quiver Quantitative: what politicians and insiders report of their trades."""
