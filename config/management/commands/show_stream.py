"""`manage.py show_stream`: an aggregate as it stood, and the events that made it so."""

import json
from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.box import ROUNDED
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.preflight import require_migrated
from eventstore.aggregates import UnknownAggregateType
from eventstore.hashing import moment
from eventstore.history import (
    CannotReplay,
    Change,
    Moment,
    NoSuchState,
    NotATime,
    Plain,
    Standing,
    parsed_time,
    state_at,
    timeline,
)

EVENTS = 10


class Command(BaseCommand):
    help = "Show the state of a stream, now or as it was, and the events before it with what each changed."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Every command of Django has a --version, of Django's own version; here it is the stream's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("type", help="OnChainTrade, Position, OffchainOrder or SchwabAuth")
        parser.add_argument("id", help="0x<transaction>:<log index>, a symbol, or an order's number")
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--at", help="after the last event recorded at or before a time, as 2025-11-03T14:30:00Z")
        when.add_argument("--version", type=int, dest="stream_version", help="after the event of this version")
        parser.add_argument("--events", type=int, default=EVENTS, help=f"how many events are shown (default {EVENTS})")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, type: str, id: str, events: int, **options: Any) -> None:  # noqa: A002
        if events < 0:
            raise CommandError(f"--events: expected a whole number from 0, was {events}", returncode=2)
        require_migrated()
        try:
            at = None if options["at"] is None else parsed_time(options["at"])
            found = state_at(type, id, version=options["stream_version"], at=at)
            shown = min(events, found.version)
            moments = timeline(type, id, after=found.version - shown, limit=shown) if shown else []
        except NotATime as error:
            raise CommandError(f"--at: {error}", returncode=2) from error
        except (UnknownAggregateType, NoSuchState) as error:
            raise CommandError(str(error), returncode=2) from error
        except CannotReplay as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_object(found, moments), indent=2))
        elif self.stdout.isatty():
            console = Console(file=cast(IO[str], self.stdout._out))
            console.print(_heading(found), markup=False)
            console.print(_state_table(found.state))
            console.print(_events_table(moments))
        else:
            self._lines(found, moments)

    def _lines(self, found: Standing, moments: list[Moment]) -> None:
        self.stdout.write(_heading(found))
        for field, value in found.state.items():
            self.stdout.write(f"{field}\t{_text(value)}")
        for one in moments:
            changed = "; ".join(map(_change, one.changed))
            recorded = one.recorded
            self.stdout.write(
                f"{recorded.version}\t{moment(recorded.recorded_at)}\t{_event_name(one)}\t{recorded.metadata.actor}\t{changed}"
            )


def _heading(found: Standing) -> str:
    return f"{found.stream} at version {found.version}, recorded at {moment(found.recorded_at)}"


def _state_table(state: Plain) -> Table:
    table = Table(title="State", title_justify="left", box=ROUNDED)
    table.add_column("field", style="bold")
    table.add_column("value", overflow="fold")
    for field, value in state.items():
        table.add_row(field, Text(_text(value)))
    return table


def _events_table(moments: list[Moment]) -> Table:
    table = Table(title="Events", title_justify="left", box=ROUNDED)
    table.add_column("version", justify="right")
    for name in ("recorded at", "event", "by", "what changed"):
        table.add_column(name, overflow="fold")
    for one in moments:
        recorded = one.recorded
        table.add_row(
            str(recorded.version),
            moment(recorded.recorded_at),
            _event_name(one),
            Text(recorded.metadata.actor),
            Text("\n".join(map(_change, one.changed))),
        )
    return table


def _object(found: Standing, moments: list[Moment]) -> dict[str, Any]:
    return {
        "type": found.stream.aggregate_type,
        "id": found.stream.aggregate_id,
        "version": found.version,
        "recorded_at": moment(found.recorded_at),
        "state": found.state,
        "events": [
            {
                "version": one.recorded.version,
                "number": one.recorded.number,
                "event": _event_name(one),
                "data": one.data,
                "recorded_at": moment(one.recorded.recorded_at),
                "actor": one.recorded.metadata.actor,
                "correlation": one.recorded.metadata.correlation,
                "causation": one.recorded.metadata.causation,
                "changed": [change._asdict() for change in one.changed],
                "state": one.state,
            }
            for one in moments
        ],
    }


def _event_name(one: Moment) -> str:
    return type(one.recorded.event).__name__


def _change(change: Change) -> str:
    return f"{change.field}: {_text(change.before)} → {_text(change.after)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
