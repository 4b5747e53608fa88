"""Growth: how large the tables are, how fast they grow, and how much of the disk is left."""
