"""Documented variables: every one that the project reads, whichever part it is of."""

from config.alert_environment import ALERT_VARIABLES
from config.api_environment import API_VARIABLES
from config.broker_environment import BROKER_VARIABLES
from config.decision_environment import DECISION_VARIABLES
from config.environment import VARIABLES, Variable
from config.schwab_environment import SCHWAB_VARIABLES
from config.source_environment import SOURCE_VARIABLES
from config.stand_in import STAND_IN_VARIABLES
from config.timing_environment import TIMING_VARIABLES
from config.web_environment import WEB_VARIABLES


def documented_variables() -> tuple[Variable, ...]:
    """List every variable that the project reads."""
    brokers = BROKER_VARIABLES + SCHWAB_VARIABLES + STAND_IN_VARIABLES
    pages = WEB_VARIABLES + API_VARIABLES
    decisions = DECISION_VARIABLES + SOURCE_VARIABLES + ALERT_VARIABLES
    return VARIABLES + pages + brokers + TIMING_VARIABLES + decisions
