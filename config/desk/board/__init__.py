"""Board: how everything stands at one moment, as plain values that a page shows."""
