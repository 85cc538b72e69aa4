"""Where the contestants meet: the servers they share, how they are started, and whose turn it is."""

import argparse
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from shared import peers
from shared.figures import heading, show
from shared.load import Answers, Wrk
from shared.products import OPENING, until_filed
from shared.servers import YARDSTICKS, Daemon, HTTPServer, Mongod, Redis, free_port

from .results import Results

OURS = "inventoryd"
EXPRESS = "Express"
FASTAPI = "FastAPI"
NIO = "bare SwiftNIO, a constant"
NGINX = "nginx, a constant"
REDIS = "redis-benchmark GET"
C_FINDS = "finds in C"
C_SALES = "findAndModify in C"
ONE_EACH = "inventoryd, one transaction each"

YARDSTICK = os.path.join(YARDSTICKS, "mongo-yardstick")
CONSTANT = os.path.join(YARDSTICKS, "nio-constant")
NGINX_PROGRAM = "/usr/sbin/nginx"
CORES = os.cpu_count() or 1


class Stage:
    def __init__(self, options: argparse.Namespace, mongod: Mongod, redis: Redis, directory: str, facts: dict) -> None:
        self.options, self.mongod, self.redis, self.directory, self.facts = options, mongod, redis, directory, facts
        self.wrk = Wrk(directory, options.seconds)

    def results(self, section: str) -> Results:
        return Results(section, self.facts)

    def title(self, text: str) -> None:
        heading(f"{text}: {self.options.rounds} rounds of {self.options.seconds} s, medians (least to most)")

    # Contestants

    def daemon(self, name: str, log: str | None = None, **settings: str) -> Daemon:
        """With the cache in Redis."""
        return Daemon(self.mongod, name, self.directory, log, REDIS_URL=self.redis.url(0), **settings)

    def uncached_daemon(self, name: str, log: str, **settings: str) -> Daemon:
        """Without Redis, a daemon on MongoDB has no cache."""
        return Daemon(self.mongod, name, self.directory, log, **settings)

    def express(self, name: str) -> HTTPServer:
        return peers.express(self.mongod, self.redis, name, self.directory, CORES)

    def fastapi(self, name: str) -> HTTPServer:
        return peers.fastapi(self.mongod, self.redis, name, self.directory, CORES)

    def nio(self, answer: str) -> HTTPServer:
        port = free_port()
        path = os.path.join(self.directory, "answer")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(answer)
        return HTTPServer([CONSTANT, str(port), path], port, os.path.join(self.directory, "nio.log"), "/")

    def nginx(self, answer: str) -> HTTPServer:
        port = free_port()
        head, body = answer.split("\r\n\r\n", 1)
        # What nginx writes by itself is left out; the rest of the daemon's headers it is told.
        own = ("content-type", "content-length", "date", "server", "connection")
        fields = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
        headers = "".join(
            f"add_header {name} '{value}';\n" for name, value in fields if name.lower() not in own)
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"daemon off; worker_processes {CORES}; pid {self.directory}/nginx.pid; error_log stderr warn;\n"
                "events { worker_connections 4096; }\n"
                "http { access_log off; keepalive_requests 1000000000; default_type application/json;\n"
                f"server {{ listen 127.0.0.1:{port}; location / {{ {headers} return 200 '{body}'; }} }} }}\n")
        command = [NGINX_PROGRAM, "-c", path, "-e", os.path.join(self.directory, "nginx.log")]
        return HTTPServer(command, port, os.path.join(self.directory, "nginx.log"), "/")

    def stocked(self, servers: contextlib.ExitStack, daemon: Daemon, name: str, ids: list[str]) -> dict[str, HTTPServer]:
        """Both peers, with the daemon's products."""
        made = {}
        for contestant, start in ((EXPRESS, self.express), (FASTAPI, self.fastapi)):
            database = f"{name}_{contestant.lower()}"
            peer = servers.enter_context(start(database))
            peers.stock_peer(daemon, self.mongod, database, ids)
            peers.compare_bodies(daemon, peer, ids[0])
            made[contestant] = peer
        return made

    def contestants(
            self, servers: contextlib.ExitStack, name: str, count: int) -> tuple[list[str], dict[str, HTTPServer]]:
        """The daemon and both peers with the same products, everything filed; and the products' ids."""
        daemon = servers.enter_context(self.daemon(name))
        ids = daemon.create(count)
        until_filed(daemon.database)
        return ids, {OURS: daemon, **self.stocked(servers, daemon, name, ids)}

    # Load

    def note(self, results: Results, contestant: str, work: str, at: int, answers: Answers) -> None:
        results.add(
            contestant, work, at, rate=answers.rate, p50_ms=answers.latency_ms[50], p99_ms=answers.latency_ms[99])

    def by_turns(self, turns: list[tuple[str, Callable[[], None]]]) -> None:
        """Everybody once a round; each round begins with another, so that nobody always follows the same one."""
        for number in range(self.options.rounds):
            first = number % len(turns)
            for _, turn in turns[first:] + turns[:first]:
                turn()

    def yardstick(self, *arguments: str) -> float:
        result = subprocess.run([YARDSTICK, *arguments], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(result.stderr)
        return float(result.stdout)

    def check_peer(self, name: str, product_count: int) -> None:
        """Every unit that a peer's stock lacks was sold under a key of its own."""
        database = self.mongod.client[name]
        # What was under way when wrk ended comes to its end first.
        for _ in range(20):
            [stock] = database.products.aggregate([{"$group": {"_id": None, "units": {"$sum": "$stock.on_hand"}}}])
            drop = OPENING * product_count - stock["units"]
            sales = database.purchases.count_documents({})
            if drop == sales:
                break
            time.sleep(0.5)
        print(f"  {name}: units sold {drop:,}, purchases {sales:,}", flush=True)
        if drop != sales:
            sys.exit("the peer's stock does not add up")

    def drop(self, *names: str) -> None:
        for name in names:
            self.mongod.client.drop_database(name)
        self.redis.ask("FLUSHALL")


def show_rates(results: Results, work: str, at: int) -> None:
    for contestant in results.contestants(work):
        rates = results.rounds(contestant, work, at, "rate")
        if rates:
            show(contestant, rates)


def recorded(daemon: Daemon, path: str, headers: dict[str, str] | None = None) -> str:
    """An answer with its head, as it came."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    if response.status != 200:
        sys.exit(f"no answer to record: {response.status} {body}")
    head = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n{body}"


def make_key(daemon: Daemon) -> str:
    """The secret of a new API key for reading and buying."""
    connection = http.client.HTTPConnection("inventoryd")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(daemon.socket)
    order = json.dumps({"owner": "bench", "scopes": ["read", "purchase", "catalogue"]})
    connection.request("POST", "/admin/v1/keys", order, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status not in (200, 201):
        sys.exit(f"no API key: {response.status} {text.decode(errors='replace')}")
    return json.loads(text)["secret"]
