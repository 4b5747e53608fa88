"""The token refresher: keeps the tokens of a broker fresh while nobody calls it, and calls for an operator in time."""

from datetime import datetime

from trading.broker_auth.logins import login_of
from trading.broker_auth.view import SCHWAB
from trading.brokers.outcomes import BrokerUnavailable, LoginNeeded
from trading.conductor.logins.keeper import TokenKeeper
from trading.conductor.logins.notices import tell_of_no_login, watch_login


class TokenRefresher:
    """Between a login and its end."""

    name = "tokens"

    def __init__(self, *, keeper: TokenKeeper, broker: str = SCHWAB) -> None:
        self._keeper, self._broker = keeper, broker

    def run_once(self, *, now: datetime) -> bool:
        """Make events of what happened, refresh what ends soon, and look how old the login is.

        Raises BrokerUnavailable where the token has ended and no newer one is to be had.
        """
        told = self._keeper.tell()
        try:
            self._keeper.current()
        except LoginNeeded as error:
            tell_of_no_login(self._broker, str(error), now=now)
            return told > 0
        except BrokerUnavailable:
            self._watch(now)
            raise
        self._watch(now)
        return told > 0

    def _watch(self, now: datetime) -> None:
        login = login_of(self._broker)
        if login is not None and login.login_at is not None:
            watch_login(self._broker, login_at=login.login_at, now=now)
