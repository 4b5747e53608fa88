"""Stories: all that became of one symbol, one order or one decision, told in the order of time."""
