"""`manage.py rotate_token_keys`: stores brokers' tokens under the newest key, so that an older one can go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.preflight import require_migrated
from config.schwab_environment import token_keys
from trading.broker_auth.keys import DoesNotOpen, UnknownKey
from trading.broker_auth.tokens import TokenStore


class Command(BaseCommand):
    help = (
        "Store every token anew under the first of TOKEN_ENCRYPTION_KEYS, all or none. Put the new key before the old "
        "one, start every process with both, run this, and then leave the old one out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = token_keys()
        require_migrated()
        try:
            rotated, stored = TokenStore(keys).rotate()
        except (UnknownKey, DoesNotOpen) as error:
            raise CommandError(f"nothing was changed: {error}") from error
        self.stdout.write(f"{rotated} of {stored} tokens stored anew; all are under key {keys.newest}")
