"""The account: a venue of our own in a broker's place, and this installation moved into its account."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import httpx2
from django.utils import timezone

from config.brokers import make_recorder, make_token_keeper, oauth_of, schwab_http
from config.demo.steps import SYMBOLS
from config.schwab_environment import schwab_settings
from config.venue_environment import environment_of
from config.venues.accounts import Account
from config.venues.alpaca import AlpacaVenue
from config.venues.exchange import Exchange
from config.venues.faults import FaultPlan
from config.venues.schwab import SchwabVenue
from config.venues.venue import Venue
from config.wiring import Wired
from trading.conductor.reconciling.holding_checks import set_baseline
from trading.conductor.reconciling.identity import confirm_account
from trading.ledger.book import Ledger
from trading.values.arithmetic import ZERO
from trading.values.quantities import Shares
from trading.values.symbols import symbol

CASH_USD = Decimal(10_000_000)
HELD_SHARES = Decimal(10_000)
"""Of each symbol, so that there is something to sell: whoever tokenises shares has them."""

WHY = "the demo's own account"


@contextmanager
def opened(broker: str, *, fill_seconds: Decimal) -> Iterator[Venue | None]:
    """Open a venue that is always open for trading, and set the environment to it; None for the dry run."""
    if broker == "dry_run":
        yield None
        return
    account = Account(cash_usd=CASH_USD)
    exchange = Exchange(fill_seconds=fill_seconds, accounts=[account])
    for each in SYMBOLS:
        account.hold(each, HELD_SHARES, exchange.book.price(each))
    with AlpacaVenue(exchange) if broker == "alpaca" else SchwabVenue(exchange) as venue:
        os.environ.update(environment_of(venue))
        yield venue


def move_in(venue: Venue | None, wired: Wired, faults: FaultPlan | None) -> None:
    """Do what an operator does before the first order; faults begin after it."""
    if venue is None:
        set_baselines(wired.broker.name, dict.fromkeys(SYMBOLS, ZERO), "the dry run holds nothing besides our orders")
        return
    if isinstance(venue, SchwabVenue):
        log_in(wired.ledger)
    confirm_account(wired.broker.name, wired.broker.account(), actor="demo", reason=WHY, now=timezone.now())
    held: dict[str, Decimal] = {holding.symbol: holding.net_shares for holding in wired.broker.holdings().held}
    set_baselines(wired.broker.name, held, WHY)
    if faults is not None:
        venue.faults = faults


def set_baselines(broker: str, held: Mapping[str, Decimal], reason: str) -> None:
    """Say what the account holds besides our orders."""
    for each, shares in held.items():
        set_baseline(broker, symbol(each), Shares(shares), actor="demo", reason=reason, now=timezone.now())


def log_in(ledger: Ledger) -> None:
    """Log in at the venue as `broker_auth` does, and as the browser that an operator opens."""
    settings = schwab_settings()
    http = schwab_http(settings, make_recorder())
    try:
        oauth, state = oauth_of(settings, http), secrets.token_urlsafe(16)
        back = httpx2.get(oauth.authorize_url(state), follow_redirects=False, trust_env=False)
        code, at = oauth.code_of(back.headers["Location"], state), timezone.now()
        make_token_keeper(ledger, oauth=oauth).log_in(oauth.exchange(code), at=at)
    finally:
        http.close()
