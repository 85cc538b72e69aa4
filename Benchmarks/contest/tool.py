"""The daemon under the load of its own tool, invctl bench, which checks each sale against the ledger itself.

It speaks to the admin socket, so it reaches none of the others.
"""

import json
import os
import subprocess
import sys

from shared import peers
from shared.products import until_filed
from shared.servers import ROOT

from .stage import OURS, Stage, show_rates

TOOL = os.path.join(ROOT, ".build/release/invctl")
CONNECTIONS = 64
PRODUCTS = 1_000

BROWSE = "invctl bench browse: 1,000 products by Zipf(1.0)"
SALE = "invctl bench flash-sale: one product"
MIXED = "invctl bench mixed: 95 % reads by Zipf(1.0), 5 % purchases of one product"
COMMANDS = {
    BROWSE: ["browse", "--products", str(PRODUCTS)],
    SALE: ["flash-sale", "--buyers", "1000000", "--units", "1000000"],
    MIXED: ["mixed", "--products", str(PRODUCTS), "--buys", "0.05", "--units", "1000000"]}


def tool(stage: Stage) -> None:
    stage.title(f"invctl bench over the admin socket, {CONNECTIONS} connections")
    results = stage.results("tool")
    admin = os.path.join(stage.directory, "tool.sock")
    with stage.daemon("tool", INVENTORYD_SOCKET=admin) as daemon:
        ids = daemon.create(PRODUCTS)
        until_filed(daemon.database)

        def turn_of(work: str):
            def turn() -> None:
                stage.mongod.settle()
                peers.warm(daemon, ids)
                said = bench(admin, COMMANDS[work], stage.options.seconds)
                nanoseconds = said["latency_ns"]
                results.add(
                    OURS, work, CONNECTIONS, rate=said["per_second"], p50_ms=nanoseconds["p50"] / 1e6,
                    p99_ms=nanoseconds["p99"] / 1e6)
            return turn

        stage.by_turns([(work, turn_of(work)) for work in COMMANDS])
    for work in results.works():
        print(f"  {work}")
        show_rates(results, work, CONNECTIONS)
    results.save()
    stage.drop("tool")


def bench(socket: str, arguments: list[str], seconds: int) -> dict:
    """What the tool reports. It ends with 1 where the ledger and the buyers do not agree."""
    command = [
        TOOL, "bench", *arguments, "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--socket", socket, "-q",
        "-o", "json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"invctl bench {arguments[0]} ended with {result.returncode}: {result.stdout}{result.stderr}")
    said = json.loads(result.stdout)
    if said["failed"]:
        sys.exit(f"invctl bench {arguments[0]}: {said['failed']} requests failed")
    return said
