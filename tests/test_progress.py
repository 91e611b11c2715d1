"""Bars on a terminal, which may be missing, not ours, or closed while the work goes on."""

import os
import pty
import select
import sys
import termios
import time

import pytest

from jpegstudy import progress
from jpegstudy.progress import TERMINAL, Bar, foreign_bars


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that the environment names: the descriptor of the side that shows it."""
    shown, ours = pty.openpty()
    termios.tcsetwinsize(ours, (24, 100))
    monkeypatch.setenv(TERMINAL, os.ttyname(ours))
    yield shown
    os.close(ours)
    os.close(shown)


def shown_on(terminal, last):
    """What the terminal shows up to ``last``; all there is if that doesn't come."""
    told = b""
    while last.encode() not in told and select.select([terminal], [], [], 5)[0]:
        told += os.read(terminal, 10_000)
    return told.decode()


def test_a_bar_is_drawn_on_the_terminal_that_was_named(terminal, capsys):
    with Bar(10, "some work") as bar:
        time.sleep(0.15)  # tqdm draws ten times a second
        bar.advance(5)
    told = shown_on(terminal, "5/10")
    assert "some work:  50%" in told
    assert "█" in told  # and not the # of terminals that know no Unicode
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", ["/nowhere/tty", "/"])
def test_a_terminal_that_cannot_be_opened_costs_the_bar_only(path, monkeypatch, capsys):
    monkeypatch.setenv(TERMINAL, path)
    with Bar(3, "some work") as bar:
        bar.advance(3)
    assert capsys.readouterr().err == ""


def test_a_terminal_that_closes_costs_the_bar_only(monkeypatch):
    shown, ours = pty.openpty()
    monkeypatch.setenv(TERMINAL, os.ttyname(ours))
    with Bar(3, "some work") as bar:
        os.close(shown)
        os.close(ours)
        with pytest.raises(OSError, match=r"[Ii](nput)?/[Oo](utput)? error"):
            os.write(bar._stream.fileno(), b"to see that it is closed")
        bar.advance(3)


def test_standard_error_without_a_name_is_no_terminal(monkeypatch):
    monkeypatch.delenv(TERMINAL, raising=False)

    def nameless(_):
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(os, "ttyname", nameless)
    progress.name_terminal()
    assert TERMINAL not in os.environ


def test_bars_of_others_go_to_the_terminal(terminal, capsys):
    with foreign_bars():
        print("100% |####|", file=sys.stderr)
    assert "100% |####|" in shown_on(terminal, "|####|")
    assert capsys.readouterr().err == ""


def test_bars_of_others_leave_nothing_where_nobody_watches(monkeypatch, capsys):
    monkeypatch.delenv(TERMINAL, raising=False)
    with foreign_bars():
        print("100% |####|", file=sys.stderr)
    assert capsys.readouterr().err == ""


def test_bars_of_others_stay_where_they_are_in_jupyter(monkeypatch, capsys):
    monkeypatch.delenv(TERMINAL, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "a notebook")
    with foreign_bars():
        print("100% |####|", file=sys.stderr)
    assert capsys.readouterr().err == "100% |####|\n"
