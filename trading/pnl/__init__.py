"""Profit and loss: what our fills on both venues earned, first in first out, symbol by symbol."""
