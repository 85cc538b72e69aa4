"""Products to sell, and whether what was sold adds up."""

import json
import sys
import time
from collections.abc import Iterable, Iterator

from pymongo.database import Database

OPENING = 1_000_000_000
STUCK_S = 60


def rows(prefix: str, count: int, stock: int, first: int = 0) -> Iterator[bytes]:
    """Lines for products:batch, with names like those of a shop."""
    colours = ["white", "red", "blue", "green", "pink", "black", "ivory", "silver"]
    shapes = ["hanging heart", "round", "vintage", "spotty", "antique", "woodland", "star"]
    things = ["tea light holder", "lunch box", "cake stand", "alarm clock", "photo frame", "water bottle", "doormat"]
    for number in range(first, first + count):
        name = f"{shapes[number % 7]} {things[number // 7 % 7]} {colours[number // 49 % 8]} no {number}".capitalize()
        row = {
            "sku": f"{prefix}-{number:08}", "name": name,
            "price": {"amount": 95 + number % 1_000, "currency": "GBP"}, "stock": {"on_hand": stock},
        }
        yield json.dumps(row, separators=(",", ":")).encode() + b"\n"


def chunked(lines: Iterable[bytes], size: int = 16_384) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= size:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def until_filed(database: Database) -> float:
    """Seconds until every movement is in the ledger."""
    begun = since = time.monotonic()
    oldest = None
    while True:
        found = database.products.find_one(
            {"unfiled_since": {"$type": "date"}}, {"unfiled_since": 1}, sort=[("unfiled_since", 1)])
        if found is None:
            return time.monotonic() - begun
        if found != oldest:
            oldest, since = found, time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            sys.exit(f"product {found['_id']} has not been filed for {STUCK_S} s")
        time.sleep(0.1)


def check_ledger(database: Database, product_count: int, least: int, most: int) -> None:
    """Every unit that is gone has its movement, and as many are gone as buyers were told of, or a few more."""
    total = {"$group": {"_id": None, "units": {"$sum": "$on_hand"}, "count": {"$sum": 1}}}
    [stock] = database.products.aggregate([total])
    total = {"$group": {"_id": None, "units": {"$sum": "$d_on_hand"}, "count": {"$sum": 1}}}
    sales = next(database.movements.aggregate([{"$match": {"kind": "sale"}}, total]), {"units": 0, "count": 0})
    drop = OPENING * product_count - stock["units"]
    print(f"  units sold {drop:,}, movements {sales['count']:,}, answers {least:,}", flush=True)
    if stock["count"] != product_count or drop != sales["count"] or drop != -sales["units"]:
        sys.exit("the ledger does not add up")
    if not least <= drop <= most:
        sys.exit(f"{least} to {most} purchases were made, and {drop} units were sold")
