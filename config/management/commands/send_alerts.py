"""`manage.py send_alerts`: tell every channel what is due, once or until stopped."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.alert_environment import ALERT_URLS, AlertSettings, alert_settings
from config.alerts import send
from config.environment import SettingError
from config.preflight import require_migrated
from config.stopping import told_to_stop


class Command(BaseCommand):
    help = "Tell every channel of ALERT_URLS what is due, each minute until stopped. The schedules do the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round; exit code 1 where something was not taken")
        parser.add_argument("--every", type=int, default=60, metavar="SECONDS", help="between two rounds (60)")

    def handle(self, *args: Any, once: bool, every: int, **options: Any) -> None:
        require_migrated()
        settings = needed_settings()
        if once:
            came = send(settings)
            self.stdout.write(str(came))
            if came.failed:
                sys.exit(1)
            return
        with told_to_stop() as stopped:
            while not stopped.is_set():
                if any(came := send(settings)):
                    self.stdout.write(str(came))
                stopped.wait(max(every, 1))


def needed_settings() -> AlertSettings:
    """Read the settings of alerts. Raises SettingError where they name no channel too."""
    settings = alert_settings()
    if not settings.channels:
        raise SettingError(
            f"{ALERT_URLS.name} is not set. Expected {ALERT_URLS.expected}; for example {ALERT_URLS.example}"
        )
    return settings
