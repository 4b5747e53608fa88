"""A venue's environment: the variables with which the project goes to a venue of our own."""

from config.stand_in import BROKER
from config.venues.alpaca import AlpacaVenue
from config.venues.hours import Door
from config.venues.quiver import QuiverVenue
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue


def environment_of(venue: Venue) -> dict[str, str]:
    """Return the variables, once the venue is open. The keys open nothing anywhere else.

    Tokens of Schwab need TOKEN_ENCRYPTION_KEYS besides, which are the installation's.
    """
    if isinstance(venue, QuiverVenue):
        return {"QUIVER_BASE_URL": venue.url, "QUIVER_API_TOKEN": venue.token}
    variables = {"BROKER": venue.name, "TRADING_MODE": "paper", **_of_its_own(venue)}
    # A market that keeps the exchange's hours needs no exception from them.
    return variables if venue.exchange.hours.door is Door.CALENDAR else variables | {"MARKET_HOURS": BROKER}


def _of_its_own(venue: Venue) -> dict[str, str]:
    account = venue.exchange.account().number
    if isinstance(venue, AlpacaVenue):
        return {
            "ALPACA_BASE_URL": venue.url,
            "ALPACA_DATA_URL": venue.url,
            "ALPACA_API_KEY": venue.key,
            "ALPACA_API_SECRET": venue.secret,
            "ALPACA_ACCOUNT": account,
        }
    if isinstance(venue, SchwabVenue):
        return {
            "SCHWAB_BASE_URL": venue.url,
            "SCHWAB_APP_KEY": venue.tokens.app_key,
            "SCHWAB_APP_SECRET": venue.tokens.app_secret,
            "SCHWAB_REDIRECT_URI": venue.tokens.redirect_uri,
            "SCHWAB_ACCOUNT": account,
        }
    raise TypeError(f"expected a venue with an environment, was {venue.name}")
