"""Notices: what an operator must know, and until when."""
