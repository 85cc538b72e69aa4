"""The peers of Benchmarks/peers, and a shop's products in their databases."""

import json
import os
import shutil
import sys
import urllib.request

import bson

from .servers import ROOT, Daemon, HTTPServer, Mongod, Redis, free_port

EXPRESS = os.path.join(ROOT, "Benchmarks/peers/express/server.js")
FASTAPI = os.path.join(ROOT, "Benchmarks/peers/fastapi")
FASTAPI_PYTHON = os.path.join(ROOT, "Benchmarks/.build/fastapi/bin/python")
# To MongoDB, of each process; with more neither of them was faster.
POOL = "32"


def express(mongod: Mongod, redis: Redis, name: str, directory: str, workers: int, is_logged: bool = True) -> HTTPServer:
    port = free_port()
    log = {"LOG": os.path.join(directory, f"{name}.requests.log")} if is_logged else {}
    return HTTPServer(
        [shutil.which("node") or "node", EXPRESS], port, os.path.join(directory, f"{name}.log"), "/healthz",
        PORT=str(port), MONGO_URL=f"{mongod.url}/{name}", REDIS_URL=redis.url(1), WORKERS=str(workers), POOL=POOL,
        NODE_PATH="/usr/share/nodejs", NODE_ENV="production", **log)


def fastapi(mongod: Mongod, redis: Redis, name: str, directory: str, workers: int) -> HTTPServer:
    port = free_port()
    command = [
        FASTAPI_PYTHON, "-m", "uvicorn", "server:app", "--app-dir", FASTAPI, "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--loop", "uvloop", "--http", "httptools", "--no-use-colors"]
    return HTTPServer(
        command, port, os.path.join(directory, f"{name}.log"), "/healthz", MONGO_URL=f"{mongod.url}/{name}",
        REDIS_URL=redis.url(2), POOL=POOL, PYTHONDONTWRITEBYTECODE="1")


def get(url: str, headers: dict[str, str] | None = None) -> tuple[bytes, str | None]:
    """The body of an answer, and whether it came out of a cache."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
        return answer.read(), answer.headers["X-Cache"]


def is_cached(url: str, headers: dict[str, str] | None = None) -> bool:
    return get(url, headers)[1] == "hit"


def warm(server, ids: list[str], headers: dict[str, str] | None = None) -> None:
    for product in ids:
        get(f"{server.url}/v1/products/{product}", headers)
    server.wait_until(lambda: is_cached(f"{server.url}/v1/products/{ids[0]}", headers))


def stock_peer(daemon: Daemon, mongod: Mongod, name: str, ids: list[str]) -> None:
    """The peer sells the very documents that the daemon answers."""
    documents = []
    for first in range(0, len(ids), 100):
        text, _ = get(f"{daemon.url}/v1/products?id={','.join(ids[first:first + 100])}")
        for item in json.loads(text)["items"]:
            documents.append({"_id": bson.ObjectId(item.pop("id")), **item})
    if len(documents) != len(ids):
        sys.exit(f"{len(documents)} of {len(ids)} products for the peer")
    mongod.client[name].products.insert_many(documents)


def compare_bodies(daemon: Daemon, peer: HTTPServer, product: str) -> None:
    bodies = [get(f"{server.url}/v1/products/{product}")[0] for server in (daemon, peer)]
    if json.loads(bodies[0]) != json.loads(bodies[1]):
        sys.exit(f"the peer's answers are others:\n{bodies[0]!r}\n{bodies[1]!r}")
    print(f"  one answer is {len(bodies[0])} and {len(bodies[1])} bytes", flush=True)
