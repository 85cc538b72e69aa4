"""How the demo speaks to inventoryd: HTTP over keep-alive connections, with patience."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

CONNECTIONS = 16
PATIENCE = 60.0  # seconds for which one request is repeated while the daemon is busy or away
JSON = dict[str, Any]


class Failure(Exception):
    """The tour cannot go on: what to tell the user, and the exit code if it is not 1."""


class Answer(NamedTuple):
    status: int
    document: JSON
    is_replayed: bool
    cache: str  # what X-Cache says: hit, miss, bypass; empty where it says nothing

    def __str__(self) -> str:
        return f"{self.status} {self.document.get('code', '-')}: {self.document.get('detail', '')}"

    @staticmethod
    def read(response: HTTPResponse) -> "Answer":
        try:
            document = dict(json.loads(body := response.read()))
        except (ValueError, TypeError):
            document = {"detail": body[:100].decode(errors="replace")}
        return Answer(response.status, document, response.headers.get("Idempotent-Replayed") == "true",
                      response.headers.get("X-Cache", ""))


class Client:
    """One keep-alive connection."""
    waits = list[int]()  # the status each time, of all clients

    def __init__(self, url: str) -> None:
        self.connection = HTTPConnection(urlsplit(url).netloc, timeout=30)

    def send(self, method: str, path: str, body: JSON | None = None, key: str = "") -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key} if key else {}
        self.connection.request(method, path, json.dumps(body) if key else None, headers)
        return self.connection.getresponse()

    def ask(self, *request: Any) -> Answer:
        """Sends until there is an answer other than "later". It may send again: requests only read, or carry a key."""
        deadline, pause = time.monotonic() + PATIENCE, 0.1
        while True:
            try:
                response = self.send(*request)
                answer = Answer.read(response)
                if answer.status not in (429, 503) or time.monotonic() > deadline:
                    return answer
                after = response.headers.get("Retry-After", "")
                delay = min(max(float(after), 0.1), PATIENCE) if re.fullmatch("[0-9]+", after) else 1.0
                Client.waits.append(answer.status)
            except (OSError, HTTPException) as error:
                self.connection.close()
                if time.monotonic() > deadline:
                    raise Failure(f"inventoryd went away: {error!r}", 3) from None
                delay = pause = min(2 * pause, 5.0)
            time.sleep(delay)

    def get(self, path: str) -> JSON:
        answer = self.ask("GET", path)
        if answer.status != 200:
            raise Failure(f"GET {path}: {answer}")
        return answer.document

    def pages(self, path: str) -> Iterator[JSON]:
        """The items of all pages."""
        cursor = ""
        while cursor is not None:
            page = self.get(path + (f"&cursor={quote(cursor, safe='')}" if cursor else ""))
            yield from page["items"]
            cursor = page["next_cursor"]


def spread(url: str, items: Iterable[Any], key: Callable[[Any], str], work: Callable[[Client, Any], None]) -> None:
    """Does the work over many connections. Items of one key keep their order: every run has the same outcome."""
    queues: list[queue.Queue[Any]] = [queue.Queue(maxsize=64) for _ in range(CONNECTIONS)]
    failures: list[Exception] = []

    def run(inbox: queue.Queue[Any]) -> None:
        client = Client(url)
        while (item := inbox.get()) is not None:
            try:
                if not failures:
                    work(client, item)
            except Exception as error:  # raised again below
                failures.append(error)
    threads = [threading.Thread(target=run, args=(inbox,), daemon=True) for inbox in queues]
    for thread in threads:
        thread.start()
    for item in items:
        queues[hash(key(item)) % CONNECTIONS].put(item)
        if failures:
            break
    for inbox, thread in zip(queues, threads):
        inbox.put(None)
        thread.join()
    if failures:
        raise failures[0]
