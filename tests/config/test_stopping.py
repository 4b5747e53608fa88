"""Stopping: a signal ends everything in order, whatever the main thread is in the midst of."""

import signal
import threading

import pytest

from config.stopping import told_to_stop

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@BOTH
def test_a_signal_sets_the_event(number):
    with told_to_stop() as stopping:
        signal.raise_signal(number)

        assert stopping.wait(5)


def test_a_signal_that_comes_while_the_main_thread_holds_the_events_own_lock_is_heard():
    with told_to_stop() as stopping:
        with stopping._cond:  # As within its `wait`; a handler that set it here would wait for ever.
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

        assert stopping.wait(5)


def test_the_event_may_be_somebody_elses():
    theirs = threading.Event()

    with told_to_stop(theirs) as stopping:
        signal.raise_signal(signal.SIGTERM)

        assert stopping is theirs
        assert theirs.wait(5)


@BOTH
def test_what_signals_did_before_they_do_afterwards(number):
    before = signal.getsignal(number)
    with told_to_stop():
        assert signal.getsignal(number) is not before

    assert signal.getsignal(number) is before
    assert "stopping" not in {thread.name for thread in threading.enumerate()}
