"""Progress: a plain line now and then where there is no terminal, a bar where there is one."""

import sys

from config import progress
from config.progress import ProgressBar


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch):
    seconds = iter([0, 3, 10, 12, 25])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    said = []

    with ProgressBar("trades", said.append) as bar:
        bar.update(10, 100)
        bar.update(40, 100)

    assert said == ["trades: 40 of 100"]


def test_on_a_terminal_there_is_a_bar_and_no_line(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    said = []

    with ProgressBar("trades", said.append) as bar:
        bar.update(40, 100)

    assert said == []
    assert "trades" in capsys.readouterr().err
