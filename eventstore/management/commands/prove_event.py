"""`manage.py prove_event NUMBER`: prints the proof that an event is under a seal."""

from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from eventstore.integrity.archives import ArchiveUnreadable
from eventstore.integrity.proofs import NotProvable, prove


class Command(BaseCommand):
    help = "Print, as JSON, an event and the proof that it is under its seal; docs/check_proof.py checks it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, help="the event's number in the whole log")

    def handle(self, *args: Any, number: int, **options: Any) -> None:
        try:
            proof = prove(number)
        except (NotProvable, ArchiveUnreadable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(msgspec.json.format(msgspec.json.encode(proof), indent=2).decode())
