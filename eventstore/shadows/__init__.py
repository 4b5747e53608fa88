"""Shadows: tables like the live ones, beside them, to be filled and then put in their place."""
