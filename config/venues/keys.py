"""Keys: what the venues take for credentials. They open nothing anywhere else, and the brokers never give out such.

So whoever presents them trades at a venue of ours, or nowhere: see config/stand_in.py, which leans on that.
"""

ALPACA_KEY = "PKVENUE0000000000000"
ALPACA_SECRET = "not-a-secret-this-key-opens-nothing"  # noqa: S105 - it opens nothing.

SCHWAB_APP_KEY = "venue-app-key"
SCHWAB_APP_SECRET = "not-a-secret-this-app-opens-nothing"  # noqa: S105 - it opens nothing.

QUIVER_TOKEN = "not-a-secret-this-token-opens-nothing"  # noqa: S105 - it opens nothing.
