"""Brokers: the one that the environment asks for, with whatever records its calls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.utils import timezone

from audit_trail.days.reading import newest_close
from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from config.broker_environment import AlpacaSettings, alpaca_settings, trading_mode
from config.environment import BrokerSettings, DryRunSettings, SettingError
from config.logs import secret_texts
from config.schwab_environment import SchwabSettings, schwab_account, schwab_settings, token_keys
from config.stand_in import is_stand_in
from trading.broker_auth.tokens import TokenStore
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity, Mode
from trading.brokers.dry_run.behaviour import Behaviour, Behaviours
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.http import BrokerHttp
from trading.brokers.outcomes import NotAuthorised
from trading.brokers.port import Broker
from trading.brokers.recording import Recorder
from trading.brokers.schwab.broker import SchwabBroker
from trading.brokers.schwab.oauth import SchwabOAuth
from trading.brokers.schwab.service import is_schwab
from trading.conductor.logins.grants import Refreshes
from trading.conductor.logins.keeper import TokenKeeper
from trading.conductor.logins.refresher import TokenRefresher
from trading.ledger.book import Ledger
from trading.values.quantities import Usd
from trading.values.symbols import Symbol, symbol


def make_recorder() -> Recorder:
    """What stores each call to a broker. It knows the secrets of the environment, and those that go out."""
    return PayloadRecorder(Redaction(secret_texts(os.environ)))


def make_broker(settings: BrokerSettings, ledger: Ledger, *, recorder: Recorder | None = None) -> Broker:
    """The broker that the environment asks for; its calls go to our own records, or to those given.

    Raises SettingError.
    """
    match settings.broker:
        case "dry_run":
            return make_dry_run(settings.dry_run, ledger)
        case "alpaca":
            return make_alpaca(alpaca_settings(), recorder or make_recorder())
        case "schwab":
            return make_schwab(schwab_settings(), ledger, recorder or make_recorder())
        case unknown:
            raise SettingError(f"expected BROKER to be dry_run, alpaca or schwab, was {unknown!r}")


@contextmanager
def opened_broker(settings: BrokerSettings, ledger: Ledger) -> Iterator[Broker]:
    """The broker that the environment asks for, until the end of the block. Raises SettingError."""
    broker = make_broker(settings, ledger)
    try:
        yield broker
    finally:
        if isinstance(broker, AlpacaBroker | SchwabBroker):
            broker.close()


def make_dry_run(settings: DryRunSettings, ledger: Ledger) -> DryRunBroker:
    return DryRunBroker(
        clock=timezone.now,
        prices=lambda asked: last_price(ledger, asked),
        behaviours=Behaviours(
            default=Behaviour(settings.behaviour),
            exceptions={symbol(name): Behaviour(word) for name, word in settings.exceptions},
        ),
        fill_seconds=settings.fill_seconds,
        latency_seconds=settings.latency_seconds,
        equity_usd=None if settings.equity_usd is None else Usd(settings.equity_usd),
    )


def make_alpaca(settings: AlpacaSettings, recorder: Recorder) -> AlpacaBroker:
    """Alpaca, if the key, the host and the mode belong together. Raises SettingError."""
    identity = Identity(
        mode=settings.mode,
        key=settings.key,
        secret=settings.secret,
        account=settings.account,
        trading_url=settings.trading_url,
    )
    try:
        identity.refuse_wrong_keys()
    except NotAuthorised as error:
        raise SettingError(str(error)) from None
    trading, data = (
        BrokerHttp(source=AlpacaBroker.name, base_url=url, recorder=recorder, clock=timezone.now)
        for url in (settings.trading_url, settings.data_url)
    )
    return AlpacaBroker(identity=identity, trading=trading, data=data)


def make_schwab(settings: SchwabSettings, ledger: Ledger, recorder: Recorder) -> SchwabBroker:
    """Schwab, where every account trades real money, or a stand-in for it. Raises SettingError."""
    real = is_schwab(settings.base_url)
    if real and trading_mode() is not Mode.LIVE:
        raise SettingError(
            "TRADING_MODE is paper, and Schwab has no paper accounts: expected TRADING_MODE=live with "
            "CONFIRM_LIVE_TRADING=yes, or SCHWAB_BASE_URL of a venue that stands in for Schwab"
        )
    http = schwab_http(settings, recorder)
    return SchwabBroker(
        http=http,
        tokens=make_token_keeper(ledger, oauth=oauth_of(settings, http)),
        account_number=schwab_account(),
        clock=timezone.now,
        # Schwab's word on it there is none: at a stand-in that we don't know, it is unknown.
        paper=False if real else True if is_stand_in(SchwabBroker.name) else None,
    )


def schwab_http(settings: SchwabSettings, recorder: Recorder) -> BrokerHttp:
    return BrokerHttp(source=SchwabBroker.name, base_url=settings.base_url, recorder=recorder, clock=timezone.now)


def oauth_of(settings: SchwabSettings, http: BrokerHttp) -> SchwabOAuth:
    return SchwabOAuth(
        app_key=settings.app_key, app_secret=settings.app_secret, redirect_uri=settings.redirect_uri, http=http
    )


def make_oauth(settings: SchwabSettings) -> SchwabOAuth:
    """What logs in at Schwab; its calls go to our records."""
    return oauth_of(settings, schwab_http(settings, make_recorder()))


def make_token_keeper(ledger: Ledger, *, oauth: Refreshes) -> TokenKeeper:
    """What keeps Schwab's tokens, under the keys that the environment gives. Raises SettingError."""
    return TokenKeeper(ledger=ledger, oauth=oauth, store=TokenStore(token_keys()), clock=timezone.now)


def make_token_refresher(
    settings: BrokerSettings, ledger: Ledger, *, recorder: Recorder | None = None
) -> TokenRefresher | None:
    """What keeps a login alive between calls; None where the broker needs none. Raises SettingError."""
    if settings.broker != SchwabBroker.name:
        return None
    schwab = schwab_settings()
    oauth = oauth_of(schwab, schwab_http(schwab, recorder or make_recorder()))
    return TokenRefresher(keeper=make_token_keeper(ledger, oauth=oauth))


def last_price(ledger: Ledger, asked: Symbol) -> Decimal | None:
    """The price of the newest fill on chain, which the dry run fills at; else the last close that was fetched."""
    for position in ledger.memory().positions():
        if position.symbol == asked and position.last_price is not None:
            return position.last_price.price_usdc
    return newest_close(asked)
