"""Errors are one line that can be printed, whatever names are in it."""

import pytest

from cortado.errors import CortadoError, UsageError


@pytest.mark.parametrize("kind", [CortadoError, UsageError])
@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("layer 'é': no", "layer 'é': no"),
        ("one\ntwo\r\nthree", "one two three"),
        ("a\x1b[31mb\x00\ud800", r"a\x1b[31mb\x00\ud800"),
    ],
)
def test_what_would_break_the_line_is_escaped(kind, message, line):
    assert str(kind(message)) == line


def test_what_is_too_long_to_read_is_left_out():
    line = str(CortadoError("layer " + "a" * 10_000 + ": no"))
    assert len(line) < 1000
    assert line.startswith("layer aaa")
    assert line.endswith("aaa: no")
    assert " … " in line
