"""Offchain order: a hedge order at a broker, from our stored intent to its end."""
