"""`manage.py alert_test`: send a message to each channel, and say which of them did not take it."""

import socket
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from audit_trail.alerts.channels import NotDelivered
from config.management.commands.send_alerts import needed_settings
from eventstore.hashing import moment


class Command(BaseCommand):
    help = "Send a test message to each channel of ALERT_URLS. Exit code 1 where one did not take it."

    def handle(self, *args: Any, **options: Any) -> None:
        settings, failed = needed_settings(), 0
        for place, channel in enumerate(settings.channels, start=1):
            told = f"{place}. {channel.name}{' (critical alerts only)' if channel.only_critical else ''}"
            try:
                channel.send(
                    "Hedgetrail: test",
                    f"A test of {channel.name} from {socket.gethostname()} at {moment(timezone.now())}. "
                    "Nothing has happened, and nothing is to be done.",
                )
            except NotDelivered as error:
                failed += 1
                self.stdout.write(f"{told}: not delivered: {error}")
            else:
                self.stdout.write(f"{told}: taken")
        if failed:
            self.stderr.write(f"{failed} of {len(settings.channels)} channels did not take the message")
            sys.exit(1)
