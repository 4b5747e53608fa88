"""Settling of the chain: once the node is well it is read to its end, and an operator takes up what failed."""

from typing import TYPE_CHECKING

from tests.simulation.judge_chain import ChainJudge
from trading.conductor.by_hand import process_transaction
from trading.conductor.inbox import Outcome, QueuedLog, unprocessed
from trading.notices.models import close_notice

if TYPE_CHECKING:
    from tests.simulation.play import Play

MOST_ROUNDS = 60
# A station that raises at each turn has worked at each, too.
MOST_TURNS = 40
# The enricher gives up after six.
MOST_TRIES = 20
# A node is looked at again every two seconds, and thoroughly every five minutes.
FIRST_ROUNDS, FIRST_SECONDS, LATER_SECONDS = 20, 3.0, 30.0


class ChainSettling:
    """Brings the inbox of one play to where the chain is."""

    def __init__(self, play: "Play", judge: ChainJudge) -> None:
        self._play, self._judge = play, judge

    def until_read(self) -> None:
        """Give turns until every log is in the inbox, and has left it. Nothing more happens on the chain after it."""
        for number in range(MOST_ROUNDS):
            self._run("watcher")
            self._run("processor")
            if not self._left():
                break
            self._play.clock.forward(FIRST_SECONDS if number < FIRST_ROUNDS else LATER_SECONDS)
        else:
            self._play.wrong(f"V3: not read after {MOST_ROUNDS} rounds: {'; '.join(self._left())}")
        self._enrich()
        # There are more blocks by now, as there always are: by them a chain that was silent is known to go on.
        self._run("watcher")
        self._take_up()
        self._judge.last_word()
        self._let_parked_logs_be()

    def _run(self, station: str) -> None:
        """Give a station turns while it finds something to do."""
        for _ in range(MOST_TURNS):
            if not self._play.turn(0, station):
                return

    def _left(self) -> list[str]:
        left = self._judge.unread()
        if logs := unprocessed():
            left.append(f"{logs} logs are not processed")
        return left

    def _enrich(self) -> None:
        """It gives up after a few tries, and has no time to lose."""
        for _ in range(MOST_TRIES):
            self._run("enricher")
            self._play.clock.forward(60)

    def _take_up(self) -> None:
        """`process_tx`, as a parked log's notice says: for what is sound, and was parked while the node was not."""
        process = self._play.process()
        for hash in self._judge.wrongly_parked():
            self._play.outcome.counts["parked logs taken up by the operator"] += 1
            process_transaction(
                process.node, process.processor, orderbook=process.orderbook, tx_hash=hash, now=self._play.clock()
            )

    def _let_parked_logs_be(self) -> None:
        """The operator has seen that those which are left are no fills."""
        for row in QueuedLog.objects.filter(outcome=Outcome.PARKED, reorged_at=None):
            close_notice("parked_log", str(row), at=self._play.clock())
