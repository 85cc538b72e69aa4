"""Runs the examples of the documentation. Called by scripts/check-docs."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/online-retail"
TIMEOUT_S = 60
# As systemd does it: told to start, it comes back when the service is ready, and told to stop when that has happened.
SYSTEMCTL = """systemctl() {
    if [ "$1" = stop ]; then kill $(jobs -p); wait; else inventoryd 2>>"$HOME/daemon.log" & invctl wait >/dev/null; fi
}"""
# With a daemon of its own, so that the examples before and after find what they expect.
DEMO = f"""demo() {{
    PORT=$1 INVENTORYD_STATE_DIR="$HOME/demo" INVENTORYD_SOCKET="$HOME/demo.sock" inventoryd 2>>"$HOME/daemon.log" &
    INVCTL_SOCKET="$HOME/demo.sock" invctl wait >/dev/null && "{ROOT}/scripts/demo" --url "http://127.0.0.1:$1"
    set -- $?
    kill %% && wait %%
    return $1
}}"""
# Whatever daemons the examples have started.
STOP = "kill $(jobs -p) 2>/dev/null; wait"
END = "end of the example's output"
BLOCK = re.compile(r"^(<!-- not run: (?P<reason>.*?) -->\n)?^``` *(?P<language>console|sh)\n(?P<text>.*?)^```$", re.M | re.S)
SERVE = re.compile(r"^(?P<settings>(?:\w+=\S+ )*)\./scripts/run$")

# What is another with every run.
VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{8,64}(?![0-9A-Za-z])(-\d+)?"), "ID"),
    (re.compile(r"[\d,]+ +(lines|rows|reads|movements)/s \([\d.]+ s\)"), "RATE"),
    (re.compile(r"[\d,]+ hits, [\d,]+ misses|[\d,]+ +reads the store was spared, a hit rate of [\d.]+ %"), "HITS"),
    (re.compile(r"[\d,.]+ ?(ms|µs|s|/s|m \d\d s)(?![\w])"), "RATE"),
    (re.compile(r"\bby=\S+"), "BY"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Failure(Exception):
    pass


class Session:
    """A shell in which the examples of one file run, and the servers that they speak to."""

    def __init__(self, directory, binaries):
        self.directory, self.servers = directory, []
        ports = {name: free_port() for name in ("api", "demo", "second", "mongod", "redis")}
        for name in ("run", "state", "backup", "mongod", "redis"):
            os.mkdir(f"{directory}/{name}")
        for file in DATA.glob("*.csv"):
            shutil.copy(file, directory)
        # What the text names, and what stands in its place.
        self.places = [
            ("127.0.0.1:8080", f"127.0.0.1:{ports['api']}"), ("127.0.0.1:27017", f"127.0.0.1:{ports['mongod']}"),
            ("--port 8081", f"--port {ports['second']}"),
            ("127.0.0.1:6379", f"127.0.0.1:{ports['redis']}"), ("/run/inventoryd/", f"{directory}/run/"),
            ("./scripts/demo", f"demo {ports['demo']}"), ("127.0.0.1:8080", f"127.0.0.1:{ports['demo']}"),
            ("/var/lib/inventoryd", f"{directory}/state"), ("/backup/", f"{directory}/backup/"),
        ]
        self.environment = {
            "PATH": f"{binaries}:{os.environ['PATH']}", "HOME": directory, "LANG": "C.UTF-8", "LOG_FORMAT": "text",
            "PORT": str(ports["api"]), "INVENTORYD_STATE_DIR": f"{directory}/state",
            "INVENTORYD_SOCKET": f"{directory}/run/admin.sock", "INVCTL_SOCKET": f"{directory}/run/admin.sock",
            "INVENTORYD_RATE_READ": "off", "INVENTORYD_RATE_WRITE": "off", "INVENTORYD_RATE_PURCHASE": "off",
        }
        self.start([os.environ["MONGOD"], "--dbpath", f"{directory}/mongod", "--port", str(ports["mongod"]),
                    "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"], "mongod.log")
        self.start(["redis-server", "--port", str(ports["redis"]), "--dir", f"{directory}/redis", "--save", ""],
                   "redis.log")
        for name in ("mongod", "redis"):
            self.wait(f"{name} to listen", lambda port=ports[name]: self.listens(port))
        self.shell = subprocess.Popen(
            ["bash"], cwd=directory, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.ask(SYSTEMCTL)
        self.ask(DEMO)
        self.ask("systemctl start inventoryd")

    def start(self, command, log):
        with open(f"{self.directory}/{log}", "wb") as output:
            self.servers.append(subprocess.Popen(
                command, cwd=self.directory, env=self.environment, stdout=output, stderr=output))

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    @staticmethod
    def wait(what, is_so):
        deadline = time.monotonic() + TIMEOUT_S
        while not is_so():
            if time.monotonic() > deadline:
                raise Failure(f"waited {TIMEOUT_S} s for {what}")
            time.sleep(0.05)

    def close(self):
        self.ask(STOP)
        self.shell.stdin.close()
        self.shell.wait(TIMEOUT_S)
        for server in self.servers:
            server.terminate()
            server.wait(TIMEOUT_S)

    def kill(self):
        os.killpg(self.shell.pid, signal.SIGKILL)
        for server in self.servers:
            server.kill()

    # What the text says, here; and what is printed here, as the text would say it.

    def here(self, text):
        for name, place in self.places:
            text = text.replace(name, place)
        return text

    def there(self, text):
        for name, place in self.places:
            text = text.replace(place, name)
        return text

    def ask(self, command):
        """The lines that a command prints. Its last line is `exit N` where it fails and nobody asks for that."""
        timer = signal.signal(signal.SIGALRM, self.give_up(command))
        signal.alarm(TIMEOUT_S)
        try:
            self.shell.stdin.write(f"{self.here(command)}\necho \"{END} $?\"\n")
            self.shell.stdin.flush()
            lines = []
            for line in self.shell.stdout:
                line = line.rstrip("\r\n")
                if END in line:
                    rest, status = line.split(END)
                    return [*lines, self.there(rest)] if rest else lines, int(status)
                lines.append(self.there(line))
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, timer)
        raise Failure("the shell ended")

    @staticmethod
    def give_up(command):
        def handler(*_):
            raise Failure(f"took longer than {TIMEOUT_S} s: {command}")
        return handler

    def serve(self, settings, expected):
        """Another daemon in the place of the one there is, until its log has the lines and it is ready."""
        self.ask(f"{STOP}; : >daemon.log")
        self.ask(f"{settings} inventoryd 2>>daemon.log &")
        log = pathlib.Path(self.directory) / "daemon.log"

        def lines():
            return self.there(log.read_text(encoding="utf-8")).splitlines()

        try:
            # In any order: it connects to Redis while it begins to serve.
            wanted = [[line] for line in expected if line.strip() != "…"]
            self.wait("it", lambda: all(any(is_match(line, [said]) for said in lines()) for line in wanted))
        except Failure:
            raise Failure("\n".join(["the log is to have", *expected, "and has", *lines()])) from None
        self.ask(f"invctl wait; {STOP}")
        self.ask("systemctl start inventoryd")


def pattern(line):
    for volatile, name in VOLATILE:
        line = volatile.sub(name, line)
    parts = [r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in line.rstrip().split("…")]
    return re.compile(".*".join(parts) + "$")


def plain(line):
    for volatile, name in VOLATILE:
        line = volatile.sub(name, line)
    return line.rstrip()


def is_match(expected, actual):
    """Whether lines are as expected; a line that is … stands for any number of them."""
    if not expected:
        return not actual
    if expected[0].strip() == "…":
        return any(is_match(expected[1:], actual[skipped:]) for skipped in range(len(actual) + 1))
    return bool(actual) and bool(pattern(expected[0]).match(plain(actual[0]))) and is_match(expected[1:], actual[1:])


def commands(text, language):
    """The commands of an example, each with the lines that it is said to print; nothing said in a script."""
    if language == "sh":
        return [(line, ["…"]) for line in text.splitlines() if line.strip()]
    found = []
    for line in text.splitlines():
        if line.startswith(("$ ", "# ")):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += "\n" + line
        elif found:
            found[-1][1].append(line)
    # Where nothing is said of it, it may print what it likes.
    return [(command, lines or ["…"]) for command, lines in found]


def run(path, binaries):
    """How many commands of a file ran, and how many examples did not."""
    text = path.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    if not any(block["reason"] is None for block in blocks):
        return 0, len(blocks)
    count = skipped = 0
    with tempfile.TemporaryDirectory(prefix="docs-", dir="/tmp") as directory:
        session = Session(directory, binaries)
        try:
            for block in blocks:
                place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, block.start('text')) + 1}"
                reason = block["reason"]
                if "online-retail" in block["text"] and not DATA.is_dir():
                    reason = f"there is no {DATA}"
                if reason:
                    print(f"  {place}: not run: {reason}", flush=True)
                    skipped += 1
                    continue
                # The example before may have stopped it.
                session.ask("invctl status >/dev/null 2>&1 || systemctl start inventoryd")
                for command, expected in commands(block["text"], block["language"]):
                    check(session, place, command, expected)
                    count += 1
            session.close()
        except BaseException:
            session.kill()
            raise
    return count, skipped


def check(session, place, command, expected):
    if serve := SERVE.match(command):
        session.serve(serve["settings"], expected)
        return
    lines, status = session.ask(command)
    # One that is said to print something may fail and say so; of one that is not, nobody would see it.
    if not is_match(expected, lines) or (expected == ["…"] and status != 0):
        raise Failure(
            "\n".join([f"{place}: $ {command}", "is to print", *(f"    {line}" for line in expected),
                       f"and prints, with exit code {status},", *(f"    {line}" for line in lines)]))


def main():
    binaries, *names = sys.argv[1:]
    files = [pathlib.Path(name).resolve() for name in names] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    failed = False
    for file in files:
        try:
            count, skipped = run(file, binaries)
            print(f"{file.relative_to(ROOT)}: {count} commands ran, {skipped} examples did not", flush=True)
        except Failure as failure:
            failed = True
            print(failure, flush=True)
    sys.exit(failed)


main()
