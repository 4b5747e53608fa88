"""Running: all parts of a small installation, kept alive by one process."""
