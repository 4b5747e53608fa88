"""The environment of decisions."""

from collections.abc import Mapping

from config.environment import Variable, _word, read

USE_AUDIT_TRAIL = Variable(
    "USE_AUDIT_TRAIL",
    expected="on, or off: then strategies' orders are kept in the legacy order log alone, without decisions",
    example="USE_AUDIT_TRAIL=on",
    default="on",
)

TRADE_DAILY = Variable(
    "TRADE_DAILY",
    expected="on, or off: whether the schedule decides and executes by itself, at ten in New York on trading days",
    example="TRADE_DAILY=on",
    default="off",
)

DECISION_VARIABLES = tuple(value for value in list(globals().values()) if isinstance(value, Variable))


def uses_audit_trail(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether decisions and executions are written. Raises SettingError."""
    return read(USE_AUDIT_TRAIL, lambda text: _word(text, ("on", "off")), environ) == "on"


def trades_daily(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the schedule trades each day by itself. Raises SettingError."""
    return read(TRADE_DAILY, lambda text: _word(text, ("on", "off")), environ) == "on"
