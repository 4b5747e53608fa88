"""Machines: steps as hypothesis draws them, each checked against a model; a few with all tests, many when asked for."""

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from eventstore.aggregates import Aggregate
from eventstore.codec import decode, decode_value, encode, encode_value
from eventstore.events import Event, stored

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0")) or None
"""How many stories of each machine; None for the few that run with all tests."""

PATIENCE_SECONDS = 0 if EXAMPLES else 600
"""For pytest, which else would end a search for the shortest story that fails."""


class Machine(RuleBasedStateMachine):
    """Counts what was played of it."""

    stories: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).stories += 1
        type(self).steps -= 1  # What holds is asked once before the first step too.

    @invariant()
    def is_counted(self) -> None:
        type(self).steps += 1


def play(machine: type[Machine], *, stories: int, steps: int = 50) -> None:
    """Play so many stories as are asked for, and say how many these were (which `-rP` shows)."""
    bounds = settings(
        max_examples=EXAMPLES or stories,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=bounds)
    sys.stdout.write(f"{machine.__name__}: {machine.stories} stories, {machine.steps} steps\n")


class AggregateMachine(Machine):
    """One aggregate, told commands: each ends in events that can be stored, or in the refusal that is due."""

    aggregate: ClassVar[type[Aggregate]]
    refusals: ClassVar[type[Exception]]
    id: ClassVar[str]
    has_snapshots: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.kept: Any = self.aggregate.initial(self.id)
        self.events: list[Event] = []

    def tell(self, command: Any, refusal: type[Exception] | None = None) -> Sequence[Event]:
        """Let the aggregate decide on a command that must be refused in this way, or not at all."""
        if refusal is not None:
            with pytest.raises(self.refusals) as refused:
                self.kept.decide(command)
            assert refused.type is refusal
            return []
        decided: Sequence[Event] = self.kept.decide(command)
        for event in decided:
            name, schema = stored(event)
            read = decode(name, schema, encode(event))
            assert read == event
            self.events.append(read)
            self.kept = self.kept.evolve(event)
        return decided

    @invariant()
    def events_add_up_to_what_is_kept(self) -> None:
        state: Any = self.aggregate.initial(self.id)
        for event in self.events:
            state = state.evolve(event)
        assert state == self.kept

    @invariant()
    def a_snapshot_reads_back_as_the_state(self) -> None:
        if self.has_snapshots:
            assert decode_value(self.aggregate, encode_value(self.kept)) == self.kept
