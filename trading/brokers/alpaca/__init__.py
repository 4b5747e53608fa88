"""Alpaca's Trading API v2, for paper and for real money, behind the port of brokers."""
