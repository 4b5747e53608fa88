"""Position: the accumulated fills of one symbol over both venues."""
