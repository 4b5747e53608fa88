"""An installation to look at: a database, a chain, two brokers and a source of its own, and the pages on a free port.

python -m tests.browser.installation [--seed 7]

It plays a day of decisions and a few fills, says in a line of JSON where its pages are, and then does what its input
says, a line of JSON each: {"symbol": "AAPL", "side": "BUY", "shares": "3"} is a fill of ours on chain. Each is
answered with a line. It ends when its input does, so that it never outlives whoever started it.
"""

import argparse
import json
import os
import shutil
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from config.demo import installation

BROKER = "schwab"
BLOCK_SECONDS = 2
FILL_SECONDS = Decimal("0.5")
OPENING = 14
"""So many steps of the demo's day are played before anybody looks."""

CHIEF, OPERATOR, NEWCOMER = "demo", "operator", "newcomer"
LONGEST_WAIT_SECONDS = 60


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    seed = parser.parse_args(arguments).seed

    # Whatever is printed by others goes where errors go: the output is for answers alone.
    answers, sys.stdout = sys.stdout, sys.stderr
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    installation.prepare(["--once", "--seed", str(seed), "--broker", BROKER])

    import django

    django.setup()
    try:
        live(seed, answers)
    finally:
        shutil.rmtree(folder(), ignore_errors=True)
    return 0


def folder() -> Path:
    prepared = installation.prepared()
    assert prepared is not None
    assert prepared.folder is not None, "the demo made a folder up for its database"
    return prepared.folder


def live(seed: int, answers: IO[str]) -> None:
    from config.demo import account
    from config.demo.day import begun
    from config.demo.decide import decide
    from config.demo.run import serving

    prepared = installation.prepared()
    assert prepared is not None
    installation.migrate(prepared)
    password = make_users()
    with account.opened(BROKER, fill_seconds=FILL_SECONDS) as venue:
        checked = decide(lambda line: None)
        assert not any(each.findings for each in checked), checked
        with begun(seed=seed, stopping=threading.Event(), venue=venue) as day, serving(0) as pages:
            day.chain.keep_mining(BLOCK_SECONDS)
            open_the_day(day.market, seed)
            tell(answers, url=pages.desk.removesuffix("/"), venue_url=venue.url, password=password)
            for line in sys.stdin:
                tell(answers, **played(day.market, json.loads(line)))


def make_users() -> str:
    """Make somebody who may do everything, an operator, and one who is new. All have the same password, returned."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    from config.demo.serve import create_user

    password = create_user()
    for name in (OPERATOR, NEWCOMER):
        user = get_user_model()._default_manager.create_user(name, password=password, is_staff=True)
        user.groups.add(Group.objects.get(name=OPERATOR))
    return password


def open_the_day(market: Any, seed: int) -> None:
    """Let the demo's operator do what there is to do, and fills come."""
    from config.demo import operator
    from config.demo.scenarios import scenario

    operator.open_the_day()
    operator.forbid()
    for step in (*operator.tempting(), *scenario(seed)[:OPENING]):
        market.play(step)
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while waits_for := operator.not_denied_yet():
        assert time.monotonic() < until, waits_for
        time.sleep(0.1)
    operator.allow()
    operator.do_chores()


def played(market: Any, asked: dict[str, str]) -> dict[str, str]:
    from config.demo.steps import PRICES, Take
    from trading.values.sides import Side

    symbol = asked["symbol"]
    take = Take(symbol, Side(asked["side"]), Decimal(asked["shares"]), PRICES[symbol])
    (made,) = market.play(take)
    return {"tx_hash": made.tx_hash}


def tell(answers: IO[str], **what: str) -> None:
    print(json.dumps(what), file=answers, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
