"""Desk: the pages that an operator keeps open, over both pipelines: the board, and the story of one thing."""
