"""Venues: local servers that speak the brokers' protocols and keep state, for tests and for people."""
