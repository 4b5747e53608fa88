"""Sources: a folder for each vendor of market intelligence, and in it one for each kind of record."""
