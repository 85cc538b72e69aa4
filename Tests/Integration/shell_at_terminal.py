#!/usr/bin/env python3
"""Types into invctl's shell as a person does, at a terminal of its own.

    shell_at_terminal.py INVCTL SOCKET DAEMON_PID

The daemon is killed on the way, to see that the prompt notices.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE_S = 30
PROMPT = r"invctl> "


class Terminal:
    def __init__(
            self, command: list[str], environment: dict[str, str], rows: int = 24, columns: int = 80) -> None:
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            # Without a controlling terminal Ctrl-C would reach nobody.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        """The kernel tells who is in the foreground by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, pattern: str) -> str:
        end = time.monotonic() + PATIENCE_S
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit(f"waited for {pattern!r}, saw: {self.seen!r}")
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                sys.exit(f"it ended before {pattern!r}, saw: {self.seen!r}")
        before, self.seen = self.seen[: match.end()], self.seen[match.end():]
        return before

    def end(self) -> int:
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            try:
                if ready:
                    os.read(self.master, 65536)
            except OSError:
                pass
        return self.process.wait(timeout=1)


def main() -> None:
    binary, socket, daemon = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        terminal = Terminal([binary, "--socket", socket, "shell"], {
            "HOME": home, "TERM": "dumb", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]})
        terminal.expect(PROMPT)
        terminal.type("stat\t")
        terminal.expect(r"stat(us|s)|stat")
        terminal.type("\x03")
        terminal.expect(PROMPT)
        terminal.type("status\n")
        terminal.expect(r"state +ready")
        terminal.expect(PROMPT)
        terminal.type("product get ONLY-\t\n")
        terminal.expect("ONLY-ONE.*on hand|The only one")
        terminal.expect(PROMPT)
        terminal.type("product get NOPE\n")
        terminal.expect("There is no product")
        terminal.expect(PROMPT)
        terminal.type("monitor\n")
        terminal.expect("monitor")
        terminal.type("\x03")
        terminal.expect(PROMPT)
        terminal.type("version --client\n")
        terminal.expect(r"invctl +\d")
        terminal.expect(PROMPT)
        os.kill(int(daemon), signal.SIGKILL)
        while os.path.exists(f"/proc/{daemon}") and open(f"/proc/{daemon}/stat").read().split()[2] != "Z":
            time.sleep(0.01)
        terminal.type("version --client\n")
        terminal.expect(r"\(not connected\)> ")
        terminal.type("\x04")
        code = terminal.end()
        history = os.path.join(home, ".local/state/invctl/history")
        assert os.stat(history).st_mode & 0o777 == 0o600, oct(os.stat(history).st_mode)
        assert "product get NOPE" in open(history).read()
        assert code == 0, code
    print("ok")


if __name__ == "__main__":
    main()
