"""Servers that a benchmark starts for itself, and that are gone when their block ends."""

import collections
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator

import pymongo

from .products import OPENING, chunked, rows

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DAEMON = os.environ.get("INVENTORYD") or os.path.join(ROOT, ".build/release/inventoryd")
YARDSTICKS = os.path.join(ROOT, "Benchmarks/.build/release")

UNLIMITED = {
    "INVENTORYD_SOCKET": "none", "INVENTORYD_RATE_READ": "off", "INVENTORYD_RATE_WRITE": "off",
    "INVENTORYD_RATE_PURCHASE": "off"}
UNREACHED = "1000000/s:1000000"
LIMITED = {
    "INVENTORYD_SOCKET": "none", "INVENTORYD_RATE_READ": UNREACHED, "INVENTORYD_RATE_WRITE": UNREACHED,
    "INVENTORYD_RATE_PURCHASE": UNREACHED}


def memory_mb(process: int, field: str) -> float | None:
    """VmRSS, what a process holds in RAM, or VmHWM, the most it ever held; nothing once it has ended."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as status:
            found = re.search(rf"^{field}:\s+(\d+)", status.read(), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) / 1_024 if found else None


def peak_mb(process: int) -> float | None:
    return memory_mb(process, "VmHWM")


def resident_mb(process: int) -> float | None:
    return memory_mb(process, "VmRSS")


def children(process: int) -> list[int]:
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A directory for what the servers keep, on the disk of the sources: /tmp may be in RAM, where a sync costs nothing."""
    parent = os.path.join(ROOT, ".build")
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as directory:
        yield directory


def find_mongod() -> str:
    return os.environ.get("MONGOD") or shutil.which("mongod") or os.path.join(ROOT, ".build/mongod/mongod")


def need(programs: Iterable[str], script: str) -> None:
    for program in programs:
        if not shutil.which(program):
            sys.exit(f"there is no {program}; {script} gets and makes what is needed")


class Server:
    """A program of ours under way: gone when its block ends, however that ends."""

    def __init__(self, command: list[str], log: str, **environment: str) -> None:
        self.name, self.log = os.path.basename(command[0]), log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command, env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)

    def __enter__(self):
        try:
            self.wait_until(self.is_ready)
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, kind, *_) -> None:
        self.process.send_signal(signal.SIGTERM if kind is None else signal.SIGKILL)
        try:
            status = self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.fail("did not stop")
        if kind is None and status not in self.clean_statuses():
            self.fail(f"did not stop cleanly (status {status})")

    def is_ready(self) -> bool:
        return True

    def clean_statuses(self) -> tuple[int, ...]:
        return (0,)

    def wait_until(self, is_ready) -> None:
        deadline = time.monotonic() + 60
        while not is_ready():
            if self.process.poll() is not None:
                self.fail(f"ended at once (status {self.process.returncode})")
            if time.monotonic() > deadline:
                self.fail("is not ready after 60 s")
            time.sleep(0.02)

    def fail(self, what: str) -> None:
        sys.exit(f"{self.name} {what}. {self.end_of_log()}")

    def end_of_log(self) -> str:
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return f"The end of its log:\n{''.join(collections.deque(log, maxlen=10))}"


class Mongod(Server):
    """A mongod with default settings on an empty directory."""

    def __init__(self, program: str, directory: str) -> None:
        port = free_port()
        data = os.path.join(directory, "db")
        os.mkdir(data)
        command = [program, "--dbpath", data, "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
        super().__init__(command, os.path.join(directory, "mongod.log"))
        self.url = f"mongodb://127.0.0.1:{port}"
        self.client = pymongo.MongoClient(self.url, serverSelectionTimeoutMS=500, w="majority", journal=True)

    def __exit__(self, *reason) -> None:
        self.client.close()
        super().__exit__(*reason)

    def is_ready(self) -> bool:
        try:
            return self.client.admin.command("ping")["ok"] == 1
        except pymongo.errors.PyMongoError:
            return False

    def version(self) -> str:
        return self.client.server_info()["version"]

    def settle(self) -> None:
        """What one side has left to be written to disk is not the other's to wait for."""
        self.client.admin.command("fsync")


class Redis(Server):
    """A redis-server that saves nothing, as a cache is run."""

    def __init__(self, directory: str) -> None:
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        super().__init__(command, os.path.join(directory, "redis.log"))

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def ask(self, line: str) -> str:
        """The reply to a command without blanks in its arguments, as it comes over the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(line.encode() + b"\r\nQUIT\r\n")
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()

    def is_ready(self) -> bool:
        try:
            return self.ask("PING").startswith("+PONG")
        except OSError:
            return False

    def misses(self) -> int:
        return int(re.search(r"keyspace_misses:(\d+)", self.ask("INFO stats")).group(1))

    def version(self) -> str:
        return re.search(r"redis_version:(\S+)", self.ask("INFO server")).group(1)


class HTTPServer(Server):
    """A yardstick or a peer that answers at a port."""

    def __init__(self, command: list[str], port: int, log: str, probe: str, **environment: str) -> None:
        self.url, self.probe = f"http://127.0.0.1:{port}", probe
        super().__init__(command, log, **environment)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.probe, timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def clean_statuses(self) -> tuple[int, ...]:
        return (0, -signal.SIGTERM)


class Daemon(Server):
    """A daemon on a store of its own, each request logged to a file as in production.

    On a database of the mongod, or on the embedded store where there is none.
    """

    def __init__(
        self, mongod: Mongod | None, name: str, directory: str, log: str | None = None, **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket = environment.get("INVENTORYD_SOCKET", "none")
        if mongod:
            self.database = mongod.client[name]
            store = {"MONGO_URL": f"{mongod.url}/{name}"}
        else:
            store = {"INVENTORYD_STATE_DIR": os.path.join(directory, name)}
            os.mkdir(store["INVENTORYD_STATE_DIR"])
        super().__init__(
            [DAEMON], os.path.join(directory, f"{log or name}.log"), PORT=str(self.port), LOG_FORMAT="json",
            **{**store, **UNLIMITED, **environment})

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def __exit__(self, kind, *rest) -> None:
        if kind is SystemExit:
            print(f"{self.name} is ended, since the benchmark failed. {self.end_of_log()}", file=sys.stderr, flush=True)
        super().__exit__(kind, *rest)

    def load(self, chunks: Iterable[bytes]) -> tuple[float, list[dict]]:
        """Loads rows while it reads the answers. Seconds to the last one, and the answers: every row was created."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)

        def send() -> None:
            # If it cannot be sent, the answer says why.
            with contextlib.suppress(OSError):
                for chunk in chunks:
                    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                connection.send(b"0\r\n\r\n")

        begun = time.monotonic()
        connection.putrequest("POST", "/v1/products:batch")
        connection.putheader("Content-Type", "application/x-ndjson")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            response = connection.getresponse()
            parts = list(iter(lambda: response.read1(65_536), b""))
        except (OSError, http.client.HTTPException) as error:
            sys.exit(f"loading products ended early: {error!r}")
        seconds = time.monotonic() - begun
        text = b"".join(parts)
        if response.status != 200:
            sys.exit(f"loading products: {response.status} {text.decode(errors='replace')}")
        sender.join()
        connection.close()
        answers = [json.loads(line) for line in text.splitlines()]
        for answer in answers:
            if answer["status"] != "created":
                sys.exit(f"loading products: a row was not created: {answer}")
        return seconds, answers

    def create(self, count: int) -> list[str]:
        _, answers = self.load(chunked(rows("SOLD", count, OPENING)))
        if len(answers) != count:
            sys.exit(f"{len(answers)} of {count} products were answered")
        return [answer["id"] for answer in answers]
