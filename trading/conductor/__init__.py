"""Conductor: the stations that a fill passes, from the chain's log to the broker's report."""
