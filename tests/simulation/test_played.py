"""What was played is summed from what the runs printed."""

import pytest

from tests.simulation.played import main

BOTH = """\
                              alpaca      schwab
schedules                          2           2
deaths                             1           9
fault: cut_after                   0           3
hours that passed in them          4           5
faults in all                      0           3
violations                         0           0
"""
ONE = """\
                              alpaca
schedules                        100
deaths                            20
fault: cut_after                   7
fault: node: 429 named          1200
faults in all                   1207
violations                         {violations}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "orders-both-11-2.txt").write_text(BOTH)
    (tmp_path / "whole-alpaca-13-100.txt").write_text(ONE.format(violations=0))
    return tmp_path


def test_the_stories_of_all_runs_are_summed_by_their_world(folder, capsys):
    assert main([str(folder)]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "| | orders alone | the whole | all |"
    assert "| stories | 4 | 100 | 104 |" in said
    assert "| deaths of a process | 10 | 20 | 30 |" in said
    assert "| hours | 9 | 0 | 9 |" in said
    assert "| cut_after | 3 | 7 | 10 |" in said
    assert "| node: 429 named | 0 | 1,200 | 1,200 |" in said


def test_the_options_that_play_them_again_are_told(folder, capsys):
    (folder / "whole-alpaca-213-100.txt").write_text(ONE.format(violations=0))

    main([str(folder)])

    told = capsys.readouterr().out
    assert "--world whole     --broker alpaca --schedules 100 --first-seed 13, 213" in told
    assert "--world orders    --broker both   --schedules   2 --first-seed 11" in told


def test_a_violation_of_any_run_is_its_end(folder, capsys):
    (folder / "whole-alpaca-213-100.txt").write_text(ONE.format(violations=1))

    assert main([str(folder)]) == 1
    assert "| violations | 0 | 1 | 1 |" in capsys.readouterr().out


def test_a_run_without_its_end_is_not_counted_and_told_of(folder, capsys):
    (folder / "whole-schwab-213-100.txt").write_text("schedules        40\n")

    assert main([str(folder)]) == 0
    said = capsys.readouterr()
    assert "| stories | 4 | 100 | 104 |" in said.out
    assert "whole schwab from 213" in said.err


def test_a_file_of_another_name_is_an_error(folder, capsys):
    (folder / "notes.txt").write_text("")

    assert main([str(folder)]) == 2
    assert "notes.txt" in capsys.readouterr().err
