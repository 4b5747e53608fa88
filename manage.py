#!/usr/bin/env python
"""The command line: python manage.py COMMAND."""

import os
import sys

from django.core.management import execute_from_command_line

from config import logs
from config.demo import installation
from config.environment import SettingError


def main() -> int:
    """Run a command; a setting that is missing or malformed ends it with one line and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    logs.log_crashes()
    try:
        if sys.argv[1:2] == ["demo"]:
            installation.prepare(sys.argv[2:])  # Before the settings are read: its database is never the caller's.
        execute_from_command_line(sys.argv)
    except SettingError as error:
        print(f"{' '.join(sys.argv[:2])}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
