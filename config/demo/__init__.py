"""The demo's world: an embedded chain, the contracts on it, and a market that fills our orders."""
