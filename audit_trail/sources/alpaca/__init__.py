"""Alpaca's market data: daily bars."""
