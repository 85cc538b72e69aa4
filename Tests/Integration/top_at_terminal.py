#!/usr/bin/env python3
"""Looks at invctl's top as a person does, at a terminal of its own: without colours and UTF-8, made smaller, left.

    top_at_terminal.py INVCTL SOCKET
"""

import os
import re
import sys

from shell_at_terminal import Terminal

BEGIN, END = "\x1b[?2026h\x1b[H", r"\x1b\[\?2026l"


def lines(terminal: Terminal) -> list[str]:
    """The next whole picture, without what moves the cursor."""
    seen = terminal.expect(END)
    picture = seen[seen.rindex(BEGIN) + len(BEGIN):]
    assert not re.search(r"\x1b\[[0-9;]*m", picture), f"coloured: {picture!r}"
    assert picture.isascii(), f"not ASCII: {picture!r}"
    # The terminal puts another return before the end of a line.
    return [re.sub(r"\x1b\[[0-9?;]*[A-Za-z]|\r", "", line) for line in picture.split("\n")]


def check(picture: list[str], rows: int, columns: int) -> None:
    assert len(picture) <= rows, f"{len(picture)} lines: {picture!r}"
    assert all(len(line) <= columns for line in picture), f"too wide: {picture!r}"


def main() -> None:
    binary, socket = sys.argv[1:]
    terminal = Terminal(
        [binary, "--socket", socket, "top", "--interval", "100ms"],
        {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1", "PATH": os.environ["PATH"]}, rows=24, columns=80)
    terminal.expect(r"\x1b\[\?1049h")
    picture = lines(terminal)
    check(picture, 24, 80)
    assert any(line.startswith("HIT RATE") for line in picture), picture
    assert any(len(line) > 40 for line in picture), picture
    # What was drawn before it was told may still come.
    terminal.resize(rows=10, columns=40)
    for _ in range(20):
        picture = lines(terminal)
        if len(picture) <= 10 and all(len(line) <= 40 for line in picture):
            break
    check(picture, 10, 40)
    terminal.type("q")
    terminal.expect(r"\x1b\[\?1049l")
    code = terminal.end()
    assert code == 0, code
    print("ok")


if __name__ == "__main__":
    main()
