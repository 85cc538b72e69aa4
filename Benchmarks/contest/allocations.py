"""How often the daemon asks the allocator for memory, for one request of each kind."""

import contextlib
import os
import struct
import sys

from shared import peers
from shared.load import PURCHASES, READS
from shared.products import until_filed
from shared.servers import YARDSTICKS, HTTPServer, Server, free_port

from .stage import CONSTANT, NIO, OURS, Stage, recorded

COUNTER = os.path.join(YARDSTICKS, "libcount-allocations.so")
CONNECTIONS = 64
PRODUCTS = 1_000

CACHED = "cached read from Redis"
UNCACHED = "read through to MongoDB"
BUY = "purchase, 1,000 products evenly"
CONSTANTS = "a constant"


class Counted:
    """What makes a program count, and the count."""

    def __init__(self, directory: str, name: str) -> None:
        self.file = os.path.join(directory, f"{name}.allocations")
        self.environment = {"LD_PRELOAD": COUNTER, "ALLOCATIONS_FILE": self.file}

    def total(self) -> int:
        with open(self.file, "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]


def allocations(stage: Stage) -> None:
    stage.title(f"Allocations for each request, {CONNECTIONS} connections")
    results = stage.results("allocations")
    with contextlib.ExitStack() as servers:
        count = Counted(stage.directory, "cached")
        daemon = servers.enter_context(stage.daemon("allocations", **count.environment))
        ids = daemon.create(PRODUCTS)
        until_filed(daemon.database)
        paths = [f"/v1/products/{product}" for product in ids]

        def measure(contestant: str, server: Server, counted: Counted, work: str, text: str, is_warmed: bool) -> None:
            for _ in range(stage.options.rounds):
                if is_warmed:
                    peers.warm(server, ids)
                before = counted.total()
                answers = stage.wrk.run(server.url, paths, text, CONNECTIONS)
                each = (counted.total() - before) / answers.count
                results.add(contestant, work, CONNECTIONS, allocations=each)
                print(f"  {contestant}, {work}: {each:.1f}", flush=True)
            if not each:
                sys.exit(f"{COUNTER} does not count")

        measure(OURS, daemon, count, CACHED, READS, True)
        measure(OURS, daemon, count, BUY, PURCHASES, False)

        plain = Counted(stage.directory, "uncached")
        bare = servers.enter_context(stage.uncached_daemon("allocations", "uncached", **plain.environment))
        measure(OURS, bare, plain, UNCACHED, READS, False)

        answer = os.path.join(stage.directory, "counted-answer")
        with open(answer, "w", encoding="utf-8", newline="") as file:
            file.write(recorded(daemon, paths[0]))
        constant = Counted(stage.directory, "constant")
        port = free_port()
        nio = servers.enter_context(
            HTTPServer(
                [CONSTANT, str(port), answer], port, os.path.join(stage.directory, "counted.log"), "/",
                **constant.environment))
        measure(NIO, nio, constant, CONSTANTS, READS, False)
    results.save()
    stage.drop("allocations")
