"""Reads of products: out of Redis, the same for callers with a key and a limit, and through to MongoDB."""

import contextlib
import os
import re
import subprocess
import sys

from shared import peers
from shared.load import READS
from shared.products import until_filed
from shared.servers import LIMITED

from .stage import C_FINDS, NGINX, NIO, OURS, REDIS, Stage, make_key, recorded, show_rates

CONNECTIONS = 64
PRODUCTS = 1_000
UNCACHED_PRODUCTS = 10_000
# As many as the daemon has connections to MongoDB if nothing is configured.
POOL_THREADS = 16

MANY = "1,000 products, evenly"
ONE = "one product"
GUARDED = "1,000 products, key and limit"
UNCACHED = "10,000 products, evenly"


def cached(stage: Stage) -> None:
    stage.title(f"Cached reads from Redis, {CONNECTIONS} connections")
    results = stage.results("cached")
    with contextlib.ExitStack() as servers:
        ids, contestants = stage.contestants(servers, "cached", PRODUCTS)
        daemon = contestants[OURS]
        peers.warm(daemon, ids)
        answer = recorded(daemon, f"/v1/products/{ids[0]}")
        constants = {
            NIO: servers.enter_context(stage.nio(answer)), NGINX: servers.enter_context(stage.nginx(answer))}
        paths = [f"/v1/products/{product}" for product in ids]
        turns = []

        def add(contestant: str, server, work: str, chosen: list[str], is_cached: bool) -> None:
            def turn() -> None:
                if is_cached:
                    peers.warm(server, ids[:len(chosen)])
                answers = stage.wrk.run(server.url, chosen, READS, CONNECTIONS)
                stage.note(results, contestant, work, CONNECTIONS, answers)
            turns.append((contestant, turn))

        # The constants are asked for the same paths: picking one is wrk's work, and costs all alike.
        for contestant, server in constants.items():
            add(contestant, server, MANY, paths, False)
        for contestant, server in contestants.items():
            add(contestant, server, MANY, paths, True)
        add(OURS, daemon, ONE, paths[:1], True)
        body = len(answer.split("\r\n\r\n", 1)[1])
        turns.append((REDIS, lambda: results.add(REDIS, MANY, CONNECTIONS, rate=redis_rate(stage, body))))
        stage.by_turns(turns)
    for work in results.works():
        print(f"  {work}")
        show_rates(results, work, CONNECTIONS)
    results.save()
    stage.drop("cached", "cached_express", "cached_fastapi")


def redis_rate(stage: Stage, size: int) -> float:
    """GETs a second of a value as large as a product, by Redis's own benchmark."""
    command = [
        "redis-benchmark", "-p", str(stage.redis.port), "-c", str(CONNECTIONS), "-n",
        str(50_000 * stage.options.seconds), "-d", str(size), "--dbnum", "5", "-t", "set,get", "--csv"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r'^"GET","([\d.]+)"', result.stdout, re.MULTILINE)
    if not rate:
        sys.exit(f"redis-benchmark: {result.stdout}{result.stderr}")
    return float(rate.group(1))


def guarded(stage: Stage) -> None:
    stage.title(f"Cached reads with an API key and a rate limit, {CONNECTIONS} connections")
    results = stage.results("guarded")
    admin = os.path.join(stage.directory, "admin.sock")
    settings = {**LIMITED, "INVENTORYD_SOCKET": admin}
    with contextlib.ExitStack() as servers:
        # The products come from a daemon that asks for no key, on the same database.
        with stage.daemon("guarded", "open") as daemon:
            ids = daemon.create(PRODUCTS)
            until_filed(daemon.database)
        daemon = servers.enter_context(stage.daemon("guarded", INVENTORYD_AUTH="all", **settings))
        headers = {"Authorization": f"Bearer {make_key(daemon)}"}
        paths = [f"/v1/products/{product}" for product in ids]
        peers.warm(daemon, ids, headers)
        nio = servers.enter_context(stage.nio(recorded(daemon, paths[0], headers)))

        def add_constant() -> None:
            answers = stage.wrk.run(nio.url, paths, READS, CONNECTIONS, headers=headers)
            stage.note(results, NIO, GUARDED, CONNECTIONS, answers)

        def add_ours() -> None:
            peers.warm(daemon, ids, headers)
            answers = stage.wrk.run(daemon.url, paths, READS, CONNECTIONS, headers=headers)
            stage.note(results, OURS, GUARDED, CONNECTIONS, answers)

        stage.by_turns([(NIO, add_constant), (OURS, add_ours)])
    show_rates(results, GUARDED, CONNECTIONS)
    results.save()
    stage.drop("guarded")


def uncached(stage: Stage) -> None:
    stage.title(f"Reads through to MongoDB, {CONNECTIONS} connections")
    results = stage.results("uncached")
    with stage.uncached_daemon("uncached", "uncached") as daemon:
        ids = daemon.create(UNCACHED_PRODUCTS)
        until_filed(daemon.database)
        stage.mongod.settle()
        paths = [f"/v1/products/{product}" for product in ids]
        if peers.get(daemon.url + paths[0])[1] != "bypass":
            sys.exit("the daemon has a cache")

        def add_finds(threads: int) -> None:
            rate = stage.yardstick(
                "--find", stage.mongod.url, "uncached", str(stage.options.seconds), str(threads), str(UNCACHED_PRODUCTS))
            results.add(C_FINDS, UNCACHED, threads, rate=rate)

        def add_ours() -> None:
            stage.note(
                results, OURS, UNCACHED, CONNECTIONS, stage.wrk.run(daemon.url, paths, READS, CONNECTIONS))

        stage.by_turns([
            (C_FINDS, lambda: add_finds(CONNECTIONS)), (OURS, add_ours), (C_FINDS, lambda: add_finds(POOL_THREADS))])
    for at in (CONNECTIONS, POOL_THREADS):
        print(f"  {at} connections or threads")
        show_rates(results, UNCACHED, at)
    results.save()
    stage.drop("uncached")
