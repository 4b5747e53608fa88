"""Progress: a plain line now and then where there is no terminal, a bar where there is one."""

import io
import sys

import pytest

from config import progress as module
from config.progress import ProgressBar


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch):
    seconds = iter([0, 3, 10, 12, 25])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))
    said = []

    with ProgressBar("trades", said.append) as bar:
        bar.update(10, 100)
        bar.update(40, 100)

    assert said == ["trades: 40 of 100"]


def test_on_a_terminal_there_is_a_bar_and_no_line(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(module, "LINE_EVERY_SECONDS", 0.0)
    said = []

    with ProgressBar("trades", said.append) as bar:
        bar.update(40, 100)

    assert said == []
    assert "trades" in capsys.readouterr().err


def test_steps_add_up(monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY_SECONDS", 0.0)
    said = []

    with ProgressBar("trades", said.append) as bar:
        tell = bar.steps_of(4)
        tell(1)
        tell(3)

    assert said == ["trades: 1 of 4", "trades: 4 of 4"]


class Terminal(io.StringIO):
    def __init__(self, *, is_one):
        super().__init__()
        self.isatty = lambda: is_one


@pytest.mark.parametrize("is_one", [True, False])
def test_a_bar_is_for_a_terminal(is_one, monkeypatch):
    terminal = Terminal(is_one=is_one)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with ProgressBar("trades", lambda line: None) as bar:
        tell = bar.steps_of(4)
        tell(1)
        tell(3)

    assert ("trades" in terminal.getvalue()) is is_one
