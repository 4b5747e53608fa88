"""The event store beside lists and dicts: whatever two writers append, in and out of transactions that come to
nothing, is read in every way as it was committed, and whoever follows sees each event once and in order.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from eventstore.catching_up import take_turn
from eventstore.following import events_between, settled
from eventstore.handling import load_many
from eventstore.history import state_at
from eventstore.models import Projection
from eventstore.reading import last_number
from eventstore.recorded import Draft, Recorded, Stream
from eventstore.store import (
    DraftsOutOfOrder,
    WrongExpectedVersion,
    all_events,
    append,
    append_alone,
    head,
    stream,
    streams,
    verify_chain,
)
from tests.eventstore.samples import AT, METADATA, Account, Deposited, Opened, Withdrawn
from tests.eventstore.writers import Writer
from tests.support.machines import PATIENCE_SECONDS, Machine, play

AMOUNTS = st.sampled_from(["1", "2.5", "0.000000000000000001", "1E+30"]).map(Decimal)
EVENTS = st.one_of(
    st.builds(Opened, limit=AMOUNTS, opened_at=st.just(AT)),
    st.builds(Deposited, amount=AMOUNTS),
    st.builds(Withdrawn, amount=AMOUNTS),
)
WRITERS = st.integers(0, 1)
NAMES = ("A", "B", "C", "P")
BATCHES = st.lists(st.tuples(st.sampled_from(NAMES), EVENTS), min_size=1, max_size=4)
KINDS = [None, {"Account"}, {"Purse"}, {"Purse", "Account"}, set()]


class StoreMachine(Machine):
    """The model: what is committed, by number, and what each writer has not committed yet."""

    writers: ClassVar[Sequence[Writer]] = ()
    alone_on_the_database: ClassVar[bool] = False
    """Whether one transaction that writes keeps all others waiting, as on SQLite."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: list[Recorded] = []
        self.drafts: Sequence[Draft] = ()
        self.base = self.drawn = last_number()
        self.followers = [Follower(kinds, self.base) for kinds in KINDS]
        self.projector = Projector(type(self).stories)
        Projection.objects.create(name=self.projector.name, version=1, checkpoint=self.base, updated_at=AT)
        self.now = AT

    # What is known

    def stream_named(self, name: str) -> Stream:
        # Numbers of stories are in the ids, so that the log need not be emptied between them.
        return Stream("Purse" if name == "P" else "Account", f"{type(self).stories}-{name}")

    def version_seen_by(self, writer: Writer, name: Stream) -> int:
        return sum(event.stream == name for event in [*self.committed, *writer.events])

    @property
    def visible(self) -> list[Recorded]:
        """What who follows may see: all that is committed, up to where an open transaction may still put something."""
        held = [w.holds_back_from for w in self.writers if w.holds_back_from is not None]
        if not held or self.alone_on_the_database:
            return self.committed
        return [event for event in self.committed if event.number <= min(held)]

    def nobody_writes(self) -> bool:
        return not any(writer.levels for writer in self.writers)

    def may_write(self, writer: Writer) -> bool:
        others = any(other.levels for other in self.writers if other is not writer)
        return writer.waiting is None and not writer.is_broken and not (others and self.alone_on_the_database)

    def commit(self, events: Iterable[Recorded]) -> None:
        self.committed = sorted([*self.committed, *events], key=lambda event: event.number)

    # Transactions

    @initialize(first=BATCHES, begin=st.booleans())
    def begins_with_something(self, first: list[tuple[str, Any]], begin: bool) -> None:
        self.append(0, first, 0)
        if begin:
            self.begin(0)

    @rule(index=WRITERS)
    def begin(self, index: int) -> None:
        writer = self.writers[index]
        if self.may_write(writer) and len(writer.levels) < 3:
            writer.begin()

    @rule(index=WRITERS, kept=st.sampled_from([True, True, False]))
    def end(self, index: int, kept: bool) -> None:
        """End a transaction, or a savepoint; whoever waited for what is in it goes on."""
        writer, other = self.writers[index], self.writers[1 - index]
        if not writer.levels or writer.waiting is not None:
            return
        committed = writer.end(kept=kept)
        self.commit(committed)
        waiting = other.waiting
        if waiting is None or {_stream_of(draft) for draft in waiting.drafts} & writer.streams:
            return
        other.waiting = None
        taken = {event.stream for event in committed} & {_stream_of(draft) for draft in waiting.drafts}
        if not taken:
            self.take_in(other, waiting.outcome.result(60), waiting.drafts, alone=waiting.alone)
            return
        with pytest.raises(WrongExpectedVersion) as lost:
            waiting.outcome.result(60)
        assert (lost.value.stream in taken, lost.value.actual) == (True, None)
        if not waiting.alone:
            other.break_off(lets_go=True)

    # Appending

    @rule(index=WRITERS, batch=BATCHES, off=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def append(self, index: int, batch: list[tuple[str, Any]], off: int) -> None:
        """Append at the version at which the writer sees the stream, or at another one."""
        writer, drafts, versions = self.writers[index], [], {}
        for name, event in batch:
            of = self.stream_named(name)
            if of not in versions:
                versions[of] = self.version_seen_by(writer, of) + (0 if versions else off)
            versions[of] += 1
            drafts.append(Draft(*of, versions[of], event, METADATA))
        self.attempt(writer, drafts)

    @rule(index=WRITERS)
    def append_again(self, index: int) -> None:
        """Who does not know whether it was stored asks for the same again."""
        if self.drafts:
            self.attempt(self.writers[index], self.drafts)

    @rule(index=WRITERS, left_out=st.integers(0, 2))
    def append_with_a_gap(self, index: int, left_out: int) -> None:
        of = self.stream_named("A")
        first = self.version_seen_by(self.writers[index], of) + 1
        versions = [first, first + 1, first + 2]
        del versions[left_out]
        event = Deposited(amount=Decimal(1))
        self.attempt(self.writers[index], [Draft(*of, v, event, METADATA) for v in versions])

    def attempt(self, writer: Writer, drafts: Sequence[Draft]) -> None:
        """Append in the transaction that is open, or in a commit of its own."""
        if not self.may_write(writer):
            return
        alone = not writer.levels
        write = append_alone if alone else append

        def task() -> list[Recorded]:
            return write(drafts, at=AT)

        other = self.writers[1 - self.writers.index(writer)]
        if other.waiting is not None and {_stream_of(d) for d in other.waiting.drafts} - writer.streams:
            return  # Some of what it appends may be written already, and who waits for that waits for each other.
        error, told = self.refusal(writer, drafts)
        if error is not None:
            with pytest.raises(error) as refused:
                writer.do(task)
            if told is not None:
                assert (refused.value.stream, refused.value.expected, refused.value.actual) == told
            elif not alone:
                assert writer.do(transaction.get_rollback), "what was refused can be committed"
                writer.break_off(lets_go=False)
        elif other.streams & {_stream_of(draft) for draft in drafts}:
            if other.waiting is None:
                writer.wait(task, drafts, last=self.drawn, alone=alone)
        else:
            self.take_in(writer, writer.do(task), drafts, alone=alone)

    def refusal(self, writer: Writer, drafts: Sequence[Draft]) -> tuple[type[Exception] | None, Any]:
        """How it must be refused: each stream stands before its first draft, and has the others follow."""
        expected: dict[Stream, int] = {}
        last: dict[Stream, int] = {}
        for draft in drafts:
            of = _stream_of(draft)
            if draft.version < 1 or (of in last and draft.version != last[of] + 1):
                return DraftsOutOfOrder, None
            expected.setdefault(of, draft.version - 1)
            last[of] = draft.version
        for of, version in expected.items():
            stands = self.version_seen_by(writer, of)
            if stands != version:
                return WrongExpectedVersion, (of, version, stands)
        return None, None

    def take_in(self, writer: Writer, recorded: list[Recorded], drafts: Sequence[Draft], *, alone: bool) -> None:
        told = [(e.aggregate_type, e.aggregate_id, e.version, e.event, e.metadata) for e in recorded]
        assert told == list(map(tuple, drafts))
        numbers = [event.number for event in recorded]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > self.base
        assert not set(numbers) & {event.number for event in [*self.committed, *self.writers[0].events]}
        if alone:
            self.commit(recorded)
        else:
            writer.appended(recorded, last=self.drawn)
        self.drawn = max(self.drawn, numbers[-1])
        self.drafts = drafts

    # Reading

    @rule(after=st.integers(0, 9), limit=st.integers(1, 9))
    def read_from_outside(self, after: int, limit: int) -> None:
        self.hold_reads(self.committed, after, limit)

    @rule(index=WRITERS, after=st.integers(0, 9), limit=st.integers(1, 9))
    def read_in_a_transaction(self, index: int, after: int, limit: int) -> None:
        """Who writes sees what is committed, and what it wrote itself."""
        writer = self.writers[index]
        if writer.waiting is None and not writer.is_broken:
            seen = sorted([*self.committed, *writer.events], key=lambda event: event.number)
            writer.do(lambda: self.hold_reads(seen, after, limit))

    def hold_reads(self, seen: Sequence[Recorded], after: int, limit: int) -> None:
        whole = {self.stream_named(name): [] for name in NAMES}
        for event in seen:
            whole[event.stream].append(event)
        for of, events in whole.items():
            assert list(stream(*of, after=after)) == events[after:]
            assert head(*of) == len(events)
            verify_chain(*of)
        ids = [of.aggregate_id for of in whole if of.aggregate_type == "Account"]
        assert streams("Account", ids) == {id: whole[Stream("Account", id)] for id in ids}
        from_number = self.base + after
        assert all_events(after_number=from_number, limit=limit) == [e for e in seen if e.number > from_number][:limit]
        loaded = load_many(Account, ids)
        for id in ids:
            events = whole[Stream("Account", id)]
            state, version = loaded[id]
            assert (state.limit, state.balance, state.movements, version) == (*added_up(events), len(events))
            if 0 < after <= len(events):
                assert state_at("Account", id, version=after).state["movements"] == added_up(events[:after])[2]

    @precondition(lambda self: self.nobody_writes() or not self.alone_on_the_database)
    @rule(how=st.sampled_from(["gone", "of another shape", "unreadable"]))
    def snapshots_are(self, how: str) -> None:
        """A snapshot is a cache: what becomes of it only makes the next load longer."""
        changed = {"of another shape": 'SET schema = 99, data = \'{"id":"another"}\'', "unreadable": "SET data = '{}'"}
        with connection.cursor() as cursor:
            what = f"UPDATE snapshots {changed[how]}" if how in changed else "DELETE FROM snapshots"
            # A row that a transaction is about to change is left to it.
            free = " AND aggregate_id <> ALL (%s)" if connection.vendor == "postgresql" else ""
            busy = [[event.aggregate_id for writer in self.writers for event in writer.events]] if free else []
            cursor.execute(f"{what} WHERE aggregate_id LIKE %s{free}", [f"{type(self).stories}-%", *busy])

    # Following

    @rule(limit=st.integers(1, 6))
    def follow(self, limit: int) -> None:
        self.take_a_mark()
        self.read_up_to_the_mark(limit)

    @rule()
    def take_a_mark(self) -> None:
        """Ask up to where the log is settled, and read only when more has happened."""
        for follower in self.followers:
            follower.take_mark(self.visible)

    @rule(limit=st.integers(1, 6))
    def read_up_to_the_mark(self, limit: int) -> None:
        for follower in self.followers:
            follower.read(limit)

    @precondition(lambda self: self.nobody_writes() or not self.alone_on_the_database)
    @rule(batch=st.integers(1, 3), poison=st.sampled_from([None, None, 1, 2]))
    def project(self, batch: int, poison: int | None) -> None:
        """A projection takes a turn; events of a version may be poison to it until the next one."""
        due = [e for e in self.visible if e.aggregate_type == "Account"][len(self.projector.seen) :][:batch]
        bad = next((place for place, event in enumerate(due) if event.version == poison), len(due))
        expected = [*self.projector.seen, *due[:bad]]
        self.projector.poison = poison
        self.now += timedelta(hours=1)  # However long it was to wait, it may try again.

        take_turn(self.projector, now=self.now, batch=batch)

        row = Projection.objects.get(name=self.projector.name)
        self.projector.settle(row.events_done)
        assert self.projector.seen == expected
        failed = due[bad].number if bad < len(due) else None
        assert (row.failed_number, row.status == Projection.Status.FAILED) == (failed, failed is not None)

    # What always holds

    @invariant()
    def who_follows_has_seen_the_beginning_of_what_is_committed(self) -> None:
        for follower in self.followers:
            theirs = follower.of_its_kinds(self.committed)
            assert follower.seen == theirs[: len(follower.seen)]

    def teardown(self) -> None:
        try:
            for writer in (*self.writers, *self.writers):
                while writer.levels and writer.waiting is None:
                    self.end(self.writers.index(writer), kept=False)
            for follower in self.followers:
                follower.take_mark(self.committed)
                follower.read(10_000)
                assert follower.seen == follower.of_its_kinds(self.committed)
        finally:
            for writer in self.writers:
                writer.abandon()


class Follower:
    """Follows some kinds by checkpoint, up to a mark that it took."""

    def __init__(self, kinds: set[str] | None, checkpoint: int) -> None:
        self.kinds, self.checkpoint, self.mark = kinds, checkpoint, checkpoint
        self.seen: list[Recorded] = []
        self.expected: list[Recorded] = []

    def of_its_kinds(self, events: Iterable[Recorded]) -> list[Recorded]:
        return [event for event in events if self.kinds is None or event.aggregate_type in self.kinds]

    def take_mark(self, visible: Iterable[Recorded]) -> None:
        self.mark, self.expected = settled(), self.of_its_kinds(visible)

    def read(self, limit: int) -> None:
        page = events_between(self.checkpoint, self.mark, limit=limit, aggregate_types=self.kinds)
        assert page == self.expected[len(self.seen) :][:limit]
        self.seen += page
        if page:
            self.checkpoint = page[-1].number


class Projector:
    """Keeps what it was given of accounts, and fails at events of a version that is poison to it."""

    version, aggregate_types = 1, {"Account"}

    def __init__(self, story: int) -> None:
        self.name = f"story {story}"
        self.poison: int | None = None
        self.seen: list[Recorded] = []
        self._given: list[Recorded] = []

    def project(self, batch: Sequence[Recorded]) -> None:
        if any(event.version == self.poison for event in batch):
            raise ValueError("poison")
        self._given += batch

    def settle(self, done: int) -> None:
        """Take what was given for seen, as far as the database says that it was committed."""
        self.seen, self._given = [*self.seen, *self._given], []
        assert len(self.seen) == done


def added_up(events: Iterable[Recorded]) -> tuple[Decimal | None, Decimal, int]:
    limit, balance, movements = None, Decimal(0), 0
    for recorded in events:
        match recorded.event:
            case Opened(limit=limit):
                continue
            case Deposited(amount=amount):
                balance += amount
            case Withdrawn(amount=amount):
                balance -= amount
        movements += 1
    return limit, balance, movements


def _stream_of(draft: Draft) -> Stream:
    return Stream(draft.aggregate_type, draft.aggregate_id)


@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.django_db(transaction=True)
def test_whatever_is_appended_is_read_as_it_was_committed(settings):
    settings.EVENTSTORE_SNAPSHOT_EVERY = 3
    StoreMachine.writers = Writer(), Writer()
    StoreMachine.alone_on_the_database = connection.vendor == "sqlite"
    try:
        play(StoreMachine, stories=25, steps=50)
    finally:
        for writer in StoreMachine.writers:
            writer.close()
