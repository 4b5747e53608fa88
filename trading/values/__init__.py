"""Values: what a trader counts and names, parsed once at the border and exact from there on."""
