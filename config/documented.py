"""Documented variables: every one that the project reads, whichever part it is of, and what they come to together."""

import hashlib
import os
from collections.abc import Mapping

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


def settings_hash(environ: Mapping[str, str] | None = None) -> str:
    """Hash what is set, so that two starts show whether anything was changed between them. No secret goes into it."""
    given = os.environ if environ is None else environ
    told = []
    for variable in sorted(documented_variables(), key=lambda variable: variable.name):
        text = given.get(variable.name, "").strip() or variable.default or ""
        told.append(f"{variable.name}={bool(text) if variable.secret else text}")
    return hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()[:16]
