"""Risk: what must hold before an order is placed, and the switch that stops all placing."""
