"""Charles Schwab's Trader API: login, orders, account and market, behind the port of brokers."""
