"""Market hours: when the New York Stock Exchange trades, and whether a broker says the same."""
