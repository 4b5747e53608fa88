"""Brokers: venues off chain, behind one port."""
