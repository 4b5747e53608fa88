"""The environment of sources: the variables with which public records are fetched."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit_trail.sources.quiver.address import BASE_URL
from config.broker_environment import _secret, _service
from config.environment import Variable, read
from trading.values.secret import Secret

QUIVER_API_TOKEN = Variable(
    "QUIVER_API_TOKEN",
    expected="the token of a subscription to Quiver Quantitative's API",
    example="QUIVER_API_TOKEN=…",
    secret=True,
)
QUIVER_BASE_URL = Variable(
    "QUIVER_BASE_URL",
    expected="the address of Quiver's API; https, or http on this machine",
    example=f"QUIVER_BASE_URL={BASE_URL}",
    default=BASE_URL,
)

SOURCE_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))


@dataclass(frozen=True, kw_only=True)
class QuiverSettings:
    """Where public records are fetched, and with which token."""

    token: Secret
    base_url: str


def quiver_settings(environ: Mapping[str, str] | None = None) -> QuiverSettings:
    """Read them. Raises SettingError."""
    return QuiverSettings(
        token=read(QUIVER_API_TOKEN, _secret, environ), base_url=read(QUIVER_BASE_URL, _service, environ)
    )
