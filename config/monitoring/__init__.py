"""Monitoring: whether the installation hedges, and the figures by which it is watched."""
