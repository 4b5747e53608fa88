"""Days: what is known and held is gathered, planned on in one pure step, and stored as decisions."""
