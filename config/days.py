"""Days, put together from the environment: strategies' parameters for the mode that is traded in, and the broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit_trail.strategies.parameters import Environment, Parameters, load
from audit_trail.strategies.registry import REGISTRY
from config.broker_environment import trading_mode
from config.brokers import opened_broker
from config.environment import broker_settings
from config.wiring import make_ledger
from trading.brokers.alpaca.identity import Mode
from trading.brokers.port import Broker

SCHEDULED_HOUR = 10
"""In New York: half an hour after the opening, when prices have settled."""

PARAMETERS = Path(__file__).parent / "strategies.toml"


@dataclass(frozen=True)
class WiredDay:
    """What a day is decided with."""

    broker: Broker
    parameters: Parameters


def day_parameters(broker: str) -> Parameters:
    """The parameters for the mode that is traded in at a broker. Raises SettingError, BadParameters."""
    live = broker != "dry_run" and trading_mode() is Mode.LIVE
    return load(PARAMETERS, environment=Environment.LIVE if live else Environment.PAPER, registry=REGISTRY)


@contextmanager
def wired_day() -> Iterator[WiredDay]:
    """Put together what the environment asks for. Raises SettingError, BadParameters."""
    settings = broker_settings()
    parameters = day_parameters(settings.broker)
    with opened_broker(settings, make_ledger()) as broker:
        yield WiredDay(broker=broker, parameters=parameters)
