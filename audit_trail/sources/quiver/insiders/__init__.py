"""Trades of insiders in their own company, from Form 4."""
