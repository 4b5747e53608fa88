"""Brokers: the one that the environment asks for, with whatever records its calls."""

import os
from decimal import Decimal

from django.utils import timezone

from audit_trail.payloads.recorder import PayloadRecorder
from audit_trail.payloads.redaction import Redaction
from config.broker_environment import AlpacaSettings, alpaca_settings
from config.environment import BrokerSettings, DryRunSettings, SettingError
from config.logs import secret_texts
from trading.brokers.alpaca.broker import AlpacaBroker
from trading.brokers.alpaca.identity import Identity
from trading.brokers.dry_run.behaviour import Behaviour, Behaviours
from trading.brokers.dry_run.broker import DryRunBroker
from trading.brokers.http import BrokerHttp
from trading.brokers.outcomes import NotAuthorised
from trading.brokers.port import Broker
from trading.brokers.recording import Recorder
from trading.ledger.book import Ledger
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
        case unknown:
            raise SettingError(
                f"BROKER is {unknown!r}, for which there is no adapter in this version: expected dry_run or alpaca"
            )


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


def last_price(ledger: Ledger, asked: Symbol) -> Decimal | None:
    """The price of the newest fill on chain, which the dry run fills at."""
    for position in ledger.memory().positions():
        if position.symbol == asked and position.last_price is not None:
            return position.last_price.price_usdc
    return None
