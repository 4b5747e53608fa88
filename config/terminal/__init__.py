"""Terminal: how things stand, as tables for eyes and lines for programs."""
