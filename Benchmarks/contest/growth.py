"""How cost grows: with connections, with products, and with daemons on one database; and what overload does."""

import contextlib
import http.client
import statistics
import sys
import threading
import time

from shared import peers
from shared.figures import show
from shared.load import PURCHASES, READS, Answers, sweep
from shared.products import OPENING, check_ledger, chunked, rows, until_filed
from shared.servers import Daemon

from .stage import EXPRESS, FASTAPI, OURS, Stage

CONNECTIONS = [1, 4, 16, 64, 256, 1_024]
PRODUCTS = 1_000
SIZES = [1_000, 100_000]
MILLION = 1_000_000
ROWS_PER_LOAD = 50_000
SIZE_CONNECTIONS = 64
DAEMONS = [1, 2, 4]
WARMING_ROUNDS = 60

READ = "cached reads, 1,000 products evenly"
BUY = "purchases, 1,000 products evenly"
READ_ALL = "cached reads, all products evenly"
BUY_ALL = "purchases, all products evenly"

OVERLOAD_CONNECTIONS = 1_024
ADMITTED_AT_ONCE = 64
BUYERS = 16
PAUSE_S = 0.05
FEWEST_ADMITTED = 20
CALM = "16 buyers alone"
FLOODED = "16 buyers beside 1,024 connections"


def connections(stage: Stage) -> None:
    stage.title(f"Over connections: {', '.join(map(str, CONNECTIONS))}")
    results = stage.results("connections")
    done = open_ended = 0
    with contextlib.ExitStack() as servers:
        ids, contestants = stage.contestants(servers, "connections", PRODUCTS)
        daemon = contestants[OURS]
        paths = [f"/v1/products/{product}" for product in ids]

        def read_turn(contestant: str) -> None:
            server = contestants[contestant]
            peers.warm(server, ids)
            for count in CONNECTIONS:
                note_all(stage, results, contestant, READ, count, stage.wrk.begin(server.url, paths, READS, count))

        def buy_turn(contestant: str) -> None:
            nonlocal done, open_ended
            for count in CONNECTIONS:
                stage.mongod.settle()
                load = stage.wrk.begin(contestants[contestant].url, paths, PURCHASES, count)
                answers = note_all(stage, results, contestant, BUY, count, load)
                if contestant == OURS:
                    done += answers.count - answers.refused
                    open_ended += count + answers.broken
                    until_filed(daemon.database)

        for turn in (read_turn, buy_turn):
            stage.by_turns([(name, lambda name=name, turn=turn: turn(name)) for name in contestants])
    check_ledger(daemon.database, PRODUCTS, done, done + open_ended)
    for contestant in (EXPRESS, FASTAPI):
        stage.check_peer(f"connections_{contestant.lower()}", PRODUCTS)
    for work in (READ, BUY):
        print_growth(results, work, "connections")
    results.save()
    stage.drop("connections", "connections_express", "connections_fastapi")


def note_all(stage: Stage, results, contestant: str, work: str, count: int, load) -> Answers:
    """What was refused or cut off is a figure here, and ends nothing: the rate is of what was done."""
    answers = stage.wrk.end(load, may_fail=True)
    done = answers.rate * (1 - answers.refused / max(1, answers.count))
    results.add(
        contestant, work, count, rate=done, failed=float(answers.refused + answers.broken), p50_ms=answers.latency_ms[50],
        p99_ms=answers.latency_ms[99])
    return answers


def print_growth(results, work: str, of: str) -> None:
    print(f"  {work}")
    for contestant in results.contestants(work):
        for at in results.places(work):
            show(f"{contestant}, {at:,} {of}", results.rounds(contestant, work, at, "rate"))


def products(stage: Stage) -> None:
    sizes = SIZES + ([MILLION] if stage.options.million else [])
    stage.title(f"Over products: {', '.join(f'{size:,}' for size in sizes)}; {SIZE_CONNECTIONS} connections")
    results = stage.results("products")
    answered = dict.fromkeys(sizes, 0)
    with contextlib.ExitStack() as servers:
        daemons, paths = {}, {}
        for size in sizes:
            # What has been read stays cached while it is measured; a minute is short for so many.
            daemons[size] = servers.enter_context(stage.daemon(f"products_{size}", INVENTORYD_CACHE_TTL="3600s"))
            paths[size] = [f"/v1/products/{product}" for product in load(daemons[size], size)]
            until_filed(daemons[size].database)
            warm_all(stage, daemons[size], paths[size])

        def turn(size: int) -> None:
            # Purchases keep what they sell cached, so every round finds everything there.
            answers = stage.wrk.run(daemons[size].url, paths[size], READS, SIZE_CONNECTIONS)
            stage.note(results, OURS, READ_ALL, size, answers)
            stage.mongod.settle()
            answers = stage.wrk.run(daemons[size].url, paths[size], PURCHASES, SIZE_CONNECTIONS)
            stage.note(results, OURS, BUY_ALL, size, answers)
            answered[size] += answers.count
            until_filed(daemons[size].database)

        stage.by_turns([(str(size), lambda size=size: turn(size)) for size in sizes])
    for size, daemon in daemons.items():
        check_ledger(daemon.database, size, answered[size], answered[size] + SIZE_CONNECTIONS * stage.options.rounds)
    for work in (READ_ALL, BUY_ALL):
        print_growth(results, work, "products")
    results.save()
    stage.drop(*(f"products_{size}" for size in sizes))


def load(daemon: Daemon, count: int) -> list[str]:
    ids = []
    for first in range(0, count, ROWS_PER_LOAD):
        _, answers = daemon.load(chunked(rows("SOLD", min(ROWS_PER_LOAD, count - first), OPENING, first)))
        ids += [answer["id"] for answer in answers]
    if len(set(ids)) != count:
        sys.exit(f"{len(set(ids))} of {count} products were answered")
    return ids


def warm_all(stage: Stage, daemon: Daemon, paths: list[str]) -> None:
    """Reads all products in turn, until all have been read without a miss."""
    start = found = 0
    for _ in range(WARMING_ROUNDS):
        before = stage.redis.misses()
        answers = stage.wrk.run(daemon.url, paths, sweep(start), SIZE_CONNECTIONS, seconds=10)
        # Of two threads one may be ahead of the other.
        start += int(answers.count * 0.9)
        found = found + int(answers.count * 0.9) if stage.redis.misses() - before < answers.count / 1_000 else 0
        if found >= len(paths):
            return
    sys.exit("the cache is still not full")


def daemons(stage: Stage) -> None:
    stage.title(f"{', '.join(map(str, DAEMONS))} daemons on one database; 64 connections in all")
    results = stage.results("daemons")
    with contextlib.ExitStack() as servers:
        # Those that have no turn stand by.
        started = [servers.enter_context(stage.daemon("daemons", f"daemon-{number}")) for number in range(max(DAEMONS))]
        ids = started[0].create(PRODUCTS)
        until_filed(started[0].database)
        paths = [f"/v1/products/{product}" for product in ids]
        answered = 0

        def turn(count: int) -> None:
            nonlocal answered
            for daemon in started[:count]:
                peers.warm(daemon, ids)
            note_sum(results, READ, count, together(stage, started[:count], paths, READS))
            stage.mongod.settle()
            seen = together(stage, started[:count], paths, PURCHASES)
            note_sum(results, BUY, count, seen)
            answered += sum(answers.count for answers in seen)
            until_filed(started[0].database)

        stage.by_turns([(str(count), lambda count=count: turn(count)) for count in DAEMONS])
    turns = stage.options.rounds * len(DAEMONS)
    check_ledger(started[0].database, PRODUCTS, answered, answered + SIZE_CONNECTIONS * turns)
    for work in (READ, BUY):
        print_growth(results, work, "daemons")
    results.save()
    stage.drop("daemons")


def together(stage: Stage, started: list[Daemon], paths: list[str], script: str) -> list[Answers]:
    each = SIZE_CONNECTIONS // len(started)
    loads = [stage.wrk.begin(daemon.url, paths, script, each) for daemon in started]
    return [stage.wrk.end(load) for load in loads]


def note_sum(results, work: str, at: int, seen: list[Answers]) -> None:
    # Of several percentiles the worst: none of them is the percentile of all.
    results.add(
        OURS, work, at, rate=sum(answers.rate for answers in seen),
        p50_ms=max(answers.latency_ms[50] for answers in seen), p99_ms=max(answers.latency_ms[99] for answers in seen))


def overload(stage: Stage) -> None:
    stage.title(f"{OVERLOAD_CONNECTIONS:,} connections, {ADMITTED_AT_ONCE} requests at once admitted")
    results = stage.results("overload")
    done = open_ended = 0
    with stage.daemon("overload", INVENTORYD_MAX_IN_FLIGHT=str(ADMITTED_AT_ONCE)) as daemon:
        ids = daemon.create(PRODUCTS)
        until_filed(daemon.database)
        paths = [f"/v1/products/{product}" for product in ids]
        for number in range(stage.options.rounds):
            with Buyers(daemon, paths, f"calm-{number}") as buyers:
                time.sleep(stage.options.seconds)
            results.add(OURS, CALM, BUYERS, **buyers.figures())
            done += len(buyers.admitted_ms)
            stage.mongod.settle()
            load = stage.wrk.begin(daemon.url, paths, PURCHASES, OVERLOAD_CONNECTIONS)
            with Buyers(daemon, paths, f"flood-{number}") as buyers:
                answers = stage.wrk.end(load, may_fail=True)
            done += answers.count - answers.refused + len(buyers.admitted_ms)
            # Of what was cut off, and of what was under way at the end, nobody knows.
            open_ended += OVERLOAD_CONNECTIONS + answers.broken + buyers.cut_off
            share = answers.refused / max(1, answers.count)
            results.add(
                OURS, FLOODED, OVERLOAD_CONNECTIONS, rate=answers.rate * (1 - share), refused_percent=100 * share,
                **buyers.figures())
            until_filed(daemon.database)
    check_ledger(daemon.database, PRODUCTS, done, done + open_ended)
    show("purchases done", results.rounds(OURS, FLOODED, OVERLOAD_CONNECTIONS, "rate"))
    show("told 503", results.rounds(OURS, FLOODED, OVERLOAD_CONNECTIONS, "refused_percent"), " %", 1)
    for work, at in ((CALM, BUYERS), (FLOODED, OVERLOAD_CONNECTIONS)):
        for measure in ("p50_ms", "p99_ms"):
            # Where next to nothing is admitted nobody can tell how long it takes.
            if values := results.rounds(OURS, work, at, measure):
                show(f"{work}: admitted, {measure[:3]}", values, " ms", 1)
    results.save()
    stage.drop("overload")


class Buyers:
    """They buy now and then, and take the time of what is admitted: wrk does not tell it from what is refused."""

    def __init__(self, daemon: Daemon, paths: list[str], prefix: str) -> None:
        self.port = daemon.port
        self.admitted_ms: list[float] = []
        self.cut_off = 0
        self.is_over = threading.Event()
        self.threads = [
            threading.Thread(target=self.buy, args=(paths[number], f"{prefix}-{number}"), daemon=True)
            for number in range(BUYERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def buy(self, path: str, prefix: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        number = 0
        while not self.is_over.wait(PAUSE_S):
            number += 1
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"{prefix}-{number}"}
            begun = time.perf_counter()
            try:
                connection.request("POST", f"{path}/purchase", '{"quantity":1}', headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                # Cut off is not admitted either.
                self.cut_off += 1
                connection.close()
                continue
            if response.status == 201:
                self.admitted_ms.append((time.perf_counter() - begun) * 1_000)
        connection.close()

    def figures(self) -> dict[str, float]:
        if len(self.admitted_ms) < FEWEST_ADMITTED:
            return {}
        return {
            "p50_ms": statistics.median(self.admitted_ms), "p99_ms": statistics.quantiles(self.admitted_ms, n=100)[98],
            "admitted": float(len(self.admitted_ms))}
