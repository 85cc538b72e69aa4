"""What has to be true, as ratios of medians in one run."""

from dataclasses import dataclass

from . import growth, purchases, reads
from .results import Results
from .stage import C_FINDS, C_SALES, EXPRESS, FASTAPI, NIO, ONE_EACH, OURS


@dataclass(frozen=True)
class Bar:
    work: str
    section: str
    of: str
    at: int
    against: str
    bound: float
    measure: str = "rate"
    # Where it is another measure of theirs.
    against_measure: str | None = None
    is_most: bool = False

    def figures(self, results: Results) -> tuple[float | None, float | None]:
        return (
            results.median(OURS, self.of, self.at, self.measure),
            results.median(self.against, self.of, self.at, self.against_measure or self.measure))

    def is_met(self, ratio: float) -> bool:
        return ratio < self.bound if self.is_most else ratio >= self.bound

    def words(self) -> str:
        return f"below {self.bound:g}" if self.is_most else f"at least {self.bound:g}"


@dataclass(frozen=True)
class NoCliff:
    """The throughput at the most connections, against the best of all."""

    work: str
    section: str
    of: str
    bound: float

    def figures(self, results: Results) -> tuple[float | None, float | None]:
        rates = [results.median(OURS, self.of, at, "rate") for at in growth.CONNECTIONS]
        known = [rate for rate in rates if rate is not None]
        return rates[-1], max(known) if known else None

    against = "the best of all"
    measure = "rate"

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.bound

    def words(self) -> str:
        return f"at least {self.bound:g}"


CACHED = f"cached read from Redis, {reads.CONNECTIONS} connections"
UNCACHED = f"uncached read through to MongoDB, {reads.CONNECTIONS} connections"
HOT = f"hot product, {purchases.HOT_BUYERS} buyers"
SPREAD = f"1,000 products, {purchases.SPREAD_BUYERS} buyers"
MIXED = "mixed, 95 % Zipf reads, 5 % purchases"

BARS = [
    Bar(CACHED, "cached", reads.MANY, reads.CONNECTIONS, NIO, 0.75),
    Bar(CACHED, "cached", reads.MANY, reads.CONNECTIONS, EXPRESS, 8),
    Bar(CACHED, "cached", reads.MANY, reads.CONNECTIONS, FASTAPI, 6),
    Bar("the same with keys and rate limiting on", "guarded", reads.GUARDED, reads.CONNECTIONS, NIO, 0.65),
    Bar(UNCACHED, "uncached", reads.UNCACHED, reads.CONNECTIONS, C_FINDS, 0.8),
    Bar(HOT, "hot", purchases.HOT, purchases.HOT_BUYERS, C_SALES, 6),
    Bar(HOT, "hot", purchases.HOT, purchases.HOT_BUYERS, EXPRESS, 10),
    Bar(SPREAD, "spread", purchases.SPREAD, purchases.SPREAD_BUYERS, C_SALES, 1.3),
    Bar(SPREAD, "spread", purchases.SPREAD, purchases.SPREAD_BUYERS, EXPRESS, 3),
    Bar(MIXED, "mixed", purchases.MIXED, purchases.MIXED_CONNECTIONS, EXPRESS, 6),
    Bar(
        f"{MIXED}: p99 against their p50", "mixed", purchases.MIXED, purchases.MIXED_CONNECTIONS, EXPRESS, 1,
        measure="p99_ms", against_measure="p50_ms", is_most=True),
    Bar(
        "memory at that load, against one process", "mixed", purchases.MIXED, purchases.MIXED_CONNECTIONS, EXPRESS, 0.5,
        measure="memory_mb", is_most=True),
    Bar(
        f"embedded store, hot product, durable, {purchases.HOT_BUYERS} buyers", "embedded", purchases.HOT,
        purchases.HOT_BUYERS, ONE_EACH, 10),
    NoCliff("cached reads at 1,024 connections", "connections", growth.READ, 0.8),
    NoCliff("purchases at 1,024 connections", "connections", growth.BUY, 0.8),
]
