"""A stand-in: a venue of our own on this machine, in a broker's place (docs/venues.md).

Its market may be open at any hour, which the exchange's calendar denies. So the calendar can be left out there, and
nowhere else: the address must be on this machine, the mode paper, and the keys those that our venues take. No broker
takes these, so whatever listens at that address, a tunnel to a real broker too, no order gets there with them.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from config.broker_environment import alpaca_settings, trading_mode
from config.environment import SettingError, Variable, _word, read
from config.schwab_environment import schwab_settings
from config.venues.keys import ALPACA_KEY, SCHWAB_APP_KEY
from trading.brokers.alpaca.identity import Mode

EXCHANGE, BROKER = "exchange", "broker"

MARKET_HOURS = Variable(
    "MARKET_HOURS",
    expected="exchange; or, at a venue of our own (manage.py venue) and nowhere else, broker",
    example="MARKET_HOURS=exchange",
    default=EXCHANGE,
)
STAND_IN_VARIABLES = (MARKET_HOURS,)

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def is_calendar_left_out(broker: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the broker's clock alone says that the market is open. Raises SettingError at a real broker."""
    if read(MARKET_HOURS, lambda text: _word(text, (EXCHANGE, BROKER)), environ) == EXCHANGE:
        return False
    for why in _what_is_real(broker, environ):
        raise SettingError(
            f"MARKET_HOURS is broker, and {why}. Expected a venue of our own on this machine, with the settings that "
            f"`manage.py venue {broker}` prints; at a real broker leave MARKET_HOURS out"
        )
    return True


def is_stand_in(broker: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether a venue of our own is in the broker's place, so that nothing real is traded. Raises SettingError."""
    return not any(_what_is_real(broker, environ))


def _what_is_real(broker: str, environ: Mapping[str, str] | None) -> Iterator[str]:
    """Yield each thing that may be a real broker's."""
    if trading_mode(environ) is not Mode.PAPER:
        yield "TRADING_MODE is not paper"
    if broker == "alpaca":
        alpaca = alpaca_settings(environ)
        key, known_key, variable = alpaca.key, ALPACA_KEY, "ALPACA_API_KEY"
        addresses = {"ALPACA_BASE_URL": alpaca.trading_url, "ALPACA_DATA_URL": alpaca.data_url}
    elif broker == "schwab":
        schwab = schwab_settings(environ)
        key, known_key, variable = schwab.app_key, SCHWAB_APP_KEY, "SCHWAB_APP_KEY"
        addresses = {"SCHWAB_BASE_URL": schwab.base_url}
    else:
        yield f"BROKER is {broker}"
        return
    for name, address in addresses.items():
        if urlsplit(address).hostname not in _THIS_MACHINE:
            yield f"{name} is not on this machine"
    if key.reveal() != known_key:
        yield f"{variable} is not the one that our venues take"
