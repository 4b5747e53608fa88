"""A run of the demo: once through with every check, or live with pages until it is told to stop."""

import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

from rich.console import Console

from config.demo.broker_books import books_of
from config.demo.checked import Checked
from config.demo.checks import check
from config.demo.day import Day, NotDone, Stopped, begun
from config.demo.decide import decide
from config.demo.installation import Installation
from config.demo.serve import USER, PageServer, create_user
from config.demo.show import WIDTH_OF_LINES, Screen, WarningsOn
from config.demo.world import World
from config.logs import Redactor
from config.venues.alpaca import AlpacaVenue
from config.venues.faults import FaultPlan
from config.venues.venue import Venue

FAILED = 1
INTERRUPTED = 130


def once(
    installation: Installation,
    console: Console,
    *,
    seed: int,
    stopping: threading.Event,
    venue: Venue | None = None,
    faults: FaultPlan | None = None,
) -> int:
    """Play the fixed day, check the books, and return the exit code."""
    checked: list[Checked] = []
    undone = ""
    create_user()  # Who the operator is; nobody logs in.
    decided = _decided(console, venue)
    try:
        with begun(seed=seed, stopping=stopping, venue=venue, faults=faults) as day:
            screen = Screen(console, day.wired.ledger.memory)
            try:
                with screen:
                    day.once(screen)
            except NotDone as error:
                undone = str(error)
            day.rest()
            screen.tables()
            checked = [*decided, *check(World(day.market, day.wired, books_of(venue), day.webhook.messages))]
    except Stopped as stopped:
        say(console, str(stopped) or "Stopped before the end: nothing was checked.")
        return INTERRUPTED
    tell(console, checked)
    failed = bool(undone) or any(each.findings for each in checked)
    if undone:
        say(console, f"  FAILED  everything is done {undone}")
    if failed:
        say(console, f"The books are kept for a look: {installation.shown}")
        return FAILED
    say(console, "\nEverything came out as it must.")
    if installation.folder is not None:
        shutil.rmtree(installation.folder)
    return 0


def live(
    installation: Installation,
    console: Console,
    *,
    seed: int,
    port: int | None,
    stopping: threading.Event,
    venue: Venue | None = None,
    faults: FaultPlan | None = None,
) -> int:
    """Play on until told to stop, and return the exit code. Without a port no pages are served."""
    password = create_user()
    with nullcontext() if port is None else serving(port) as server:
        where = "Ctrl-C ends the demo"
        if server is not None:
            where = f"{server.desk}  user {USER}  password {password}  ·  {where}"
            say(console, f"Desk: {server.desk}")
            say(console, f"Admin: {server.admin}")
            say(console, f"User: {USER}, password: {password} (made for this run)")
        tell(console, _decided(console, venue))
        with begun(seed=seed, stopping=stopping, venue=venue, faults=faults) as day:
            say(console, "Ctrl-C ends the demo.\n")
            screen = Screen(console, day.wired.ledger.memory, footer=where)
            code = _play_on(day, screen, console)
            day.rest()
            screen.tables()
    say(console, f"The books of this run stay where they are: {installation.shown}")
    return code


def _decided(console: Console, venue: Venue | None) -> list[Checked]:
    """Play the day of decisions first. Where hedges go to Alpaca, its one account is theirs."""
    if venue is not None and venue.name == AlpacaVenue.name:
        return []
    return decide(partial(say, console))


def _play_on(day: Day, screen: Screen, console: Console) -> int:
    try:
        with screen:
            day.on_and_on(screen)
    except Stopped as stopped:
        if str(stopped):
            say(console, str(stopped))
            return FAILED
    except NotDone as error:
        say(console, f"The books don't come to where they must {error}")
        return FAILED
    return 0


def tell(console: Console, checked: list[Checked]) -> None:
    """Print what was checked and what was found."""
    say(console, "\nChecked")
    for each in checked:
        say(console, f"  {'FAILED' if each.findings else 'ok    '}  {each.sentence}")
        for finding in each.findings:
            say(console, f"          {finding}")


def say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def console_of() -> Console:
    """The terminal, or lines of a fixed width where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_LINES)


def warnings_to(console: Console) -> None:
    """Let what is logged appear among what the console shows."""
    logging.getLogger().handlers = [WarningsOn(console, Redactor(os.environ))]


@contextmanager
def serving(port: int) -> Iterator[PageServer]:
    server = PageServer(port)
    try:
        yield server
    finally:
        server.close()


def speak_any_encoding() -> None:
    """Let no sign that the terminal's encoding lacks end the demo."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
