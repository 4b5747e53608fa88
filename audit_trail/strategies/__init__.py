"""Strategies: from what was known at a moment to the orders that are meant, with every reason. They touch nothing."""
