"""Purchases: of one product that everybody wants, of a thousand, among many reads, and in the embedded store."""

import contextlib
import json
import re
import statistics
import sys
import time

from shared import peers
from shared.figures import show
from shared.load import PURCHASES, Answers, zipf
from shared.products import OPENING, check_ledger, until_filed
from shared.servers import Daemon, children, resident_mb

from .stage import C_SALES, EXPRESS, FASTAPI, ONE_EACH, OURS, Stage, show_rates

HOT_BUYERS = 256
SPREAD_BUYERS = 64
SPREAD_PRODUCTS = 1_000
YARDSTICK_THREADS = 64
MIXED_CONNECTIONS = 64
MIXED_PRODUCTS = 10_000
PURCHASE_SHARE = 0.05

HOT = "one product"
SPREAD = "1,000 products, evenly"
MIXED = "10,000 products by Zipf(1.0), 95 % reads, 5 % purchases"


def hot(stage: Stage) -> None:
    sale(stage, "hot", HOT, 1, HOT_BUYERS)


def spread(stage: Stage) -> None:
    sale(stage, "spread", SPREAD, SPREAD_PRODUCTS, SPREAD_BUYERS)


def sale(stage: Stage, section: str, work: str, product_count: int, buyers: int) -> None:
    stage.title(f"Purchases of {work}, {buyers} buyers, each with an Idempotency-Key")
    results = stage.results(section)
    answered = 0
    with contextlib.ExitStack() as servers:
        ids, contestants = stage.contestants(servers, section, product_count)
        daemon = contestants[OURS]
        paths = [f"/v1/products/{product}" for product in ids]

        def add_yardstick() -> None:
            stage.mongod.settle()
            arguments = (str(stage.options.seconds), str(YARDSTICK_THREADS), str(product_count))
            results.add(C_SALES, work, buyers, rate=stage.yardstick(stage.mongod.url, "yardstick", *arguments))

        def turn_of(contestant: str):
            def turn() -> None:
                nonlocal answered
                stage.mongod.settle()
                answers = stage.wrk.run(contestants[contestant].url, paths, PURCHASES, buyers)
                stage.note(results, contestant, work, buyers, answers)
                if contestant == OURS:
                    answered += answers.count
                    time.sleep(1)
                    until_filed(daemon.database)
            return turn

        stage.by_turns([(C_SALES, add_yardstick), *((contestant, turn_of(contestant)) for contestant in contestants)])
    # Purchases under way when wrk ended were sold, and nobody was there for the answer.
    check_ledger(daemon.database, product_count, answered, answered + buyers * stage.options.rounds)
    for contestant in (EXPRESS, FASTAPI):
        stage.check_peer(f"{section}_{contestant.lower()}", product_count)
    show_rates(results, work, buyers)
    results.save()
    stage.drop(section, f"{section}_express", f"{section}_fastapi", "yardstick")


def mixed(stage: Stage) -> None:
    stage.title(f"{MIXED}, {MIXED_CONNECTIONS} connections")
    results = stage.results("mixed")
    asked = 0
    with contextlib.ExitStack() as servers:
        ids, contestants = stage.contestants(servers, "mixed", MIXED_PRODUCTS)
        daemon = contestants[OURS]
        paths = [f"/v1/products/{product}" for product in ids]

        def turn_of(contestant: str):
            server = contestants[contestant]

            def turn() -> None:
                nonlocal asked
                stage.mongod.settle()
                # The most popular tenth is what a shop's cache has in it already.
                peers.warm(server, ids[:MIXED_PRODUCTS // 10])
                answers = stage.wrk.run(server.url, paths, zipf(PURCHASE_SHARE), MIXED_CONNECTIONS)
                stage.note(results, contestant, MIXED, MIXED_CONNECTIONS, answers)
                results.add(contestant, MIXED, MIXED_CONNECTIONS, memory_mb=memory_of_one(server.process.pid))
                if contestant == OURS:
                    asked += purchases_of(answers)
                    until_filed(daemon.database)
            return turn

        stage.by_turns([(contestant, turn_of(contestant)) for contestant in contestants])
    # Of those asked for, some had no answer when wrk ended.
    check_ledger(daemon.database, MIXED_PRODUCTS, asked - MIXED_CONNECTIONS * stage.options.rounds, asked)
    for contestant in (EXPRESS, FASTAPI):
        stage.check_peer(f"mixed_{contestant.lower()}", MIXED_PRODUCTS)
    show_rates(results, MIXED, MIXED_CONNECTIONS)
    for contestant in contestants:
        for measure, unit, digits in (("p50_ms", " ms", 2), ("p99_ms", " ms", 2), ("memory_mb", " MB", 0)):
            values = results.rounds(contestant, MIXED, MIXED_CONNECTIONS, measure)
            show(f"{contestant}, {measure.split('_')[0]}", values, unit, digits)
    results.save()
    stage.drop("mixed", "mixed_express", "mixed_fastapi")


def purchases_of(answers: Answers) -> int:
    """How many of a mixed load's requests were purchases, as its script has counted."""
    counted = re.search(r"purchases (\d+)", answers.words)
    if not counted:
        sys.exit(f"wrk does not say how many purchases there were:\n{answers.words}")
    return int(counted.group(1))


def memory_of_one(process: int) -> float:
    """What a process holds in RAM; of several that do the same, what one does: the median."""
    held = [memory for child in children(process) if (memory := resident_mb(child)) and serves(child)]
    return statistics.median(held) if held else resident_mb(process) or 0


def serves(process: int) -> bool:
    """Not one of Python's that only keep track of what others share."""
    with open(f"/proc/{process}/cmdline", encoding="ascii", errors="replace") as file:
        return "resource_tracker" not in file.read()


def embedded(stage: Stage) -> None:
    stage.title(f"Embedded store, purchases of {HOT}, {HOT_BUYERS} buyers, each with an Idempotency-Key")
    results = stage.results("embedded")
    with contextlib.ExitStack() as servers:
        daemons = {
            OURS: servers.enter_context(Daemon(None, "together", stage.directory)),
            ONE_EACH: servers.enter_context(Daemon(None, "one-each", stage.directory, INVENTORYD_GROUP_COMMIT="1"))}
        paths = {contestant: [f"/v1/products/{daemon.create(1)[0]}"] for contestant, daemon in daemons.items()}

        def turn_of(contestant: str):
            def turn() -> None:
                answers = stage.wrk.run(daemons[contestant].url, paths[contestant], PURCHASES, HOT_BUYERS)
                stage.note(results, contestant, HOT, HOT_BUYERS, answers)
            return turn

        stage.by_turns([(contestant, turn_of(contestant)) for contestant in daemons])
        for contestant, daemon in daemons.items():
            check_embedded(contestant, daemon.url + paths[contestant][0])
    show_rates(results, HOT, HOT_BUYERS)
    results.save()


def check_embedded(contestant: str, url: str) -> None:
    product = json.loads(peers.get(url)[0])
    sold, movements = OPENING - product["stock"]["on_hand"], product["stock_version"] - 1
    print(f"  {contestant}: units sold {sold:,}, movements {movements:,}", flush=True)
    if sold != movements:
        sys.exit("the ledger does not add up")
