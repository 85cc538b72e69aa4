"""docs/benchmarks.md and its plots, of whatever has been measured."""

import os
import statistics

from shared.servers import ROOT

from . import allocations, growth, purchases, reads, tool
from .bars import BARS
from .plot import COLOURS, Line, plot
from .results import Results, saved
from .stage import C_FINDS, EXPRESS, FASTAPI, OURS

DOCS = os.path.join(ROOT, "docs")
# With less than this a figure says that it can be measured, and not much more.
FEWEST_ROUNDS, FEWEST_SECONDS = 3, 4

TITLES = {
    "cached": (
        "Cached reads from Redis",
        f"{reads.CONNECTIONS} connections. The constants are one of the daemon's own answers: bare SwiftNIO "
        "puts the very same bytes on the wire, nginx the same body and nearly the same headers; neither logs."),
    "guarded": (
        "Cached reads with keys and rate limiting",
        "Every request carries an API key, and its caller has a limit that nobody reaches; counted in Redis, for all "
        "daemons together."),
    "uncached": (
        "Uncached reads",
        "A daemon without Redis has no cache. The C program reads the same documents by `_id` over a connection for each "
        f"thread, with the driver that the daemon uses; the daemon has {reads.POOL_THREADS} connections."),
    "hot": (
        "Everybody wants one product",
        f"{purchases.HOT_BUYERS} buyers at once. The C program has {purchases.YARDSTICK_THREADS} threads, and knows no "
        "keys, no ledger and no HTTP."),
    "spread": (
        "Purchases of 1,000 products",
        f"{purchases.SPREAD_BUYERS} buyers, evenly among the products; the C program as above."),
    "mixed": (
        "A shop's traffic",
        f"{purchases.MIXED}; {purchases.MIXED_CONNECTIONS} connections. Memory is what one process holds in RAM at the "
        "end of that load; the peers have one for each core, the daemon is one in all."),
    "embedded": (
        "The embedded store",
        f"{purchases.HOT_BUYERS} buyers of one product, synced to disk. \"One transaction each\" is the same daemon with "
        "`INVENTORYD_GROUP_COMMIT=1`."),
    "tool": (
        "The tool's own load",
        f"`invctl bench` with {tool.CONNECTIONS} connections over the admin socket, where a request takes the whole way through the "
        "server. It takes more of the processors than wrk does, and checks each sale against the ledger."),
}

INTRODUCTION = """# Benchmarks

Made by `scripts/bench contestants`, which installs, builds, starts and measures everything here on the machine it is run on.
Do not edit: `Benchmarks/contestants --report` writes it anew.

All contestants ran on one machine together with the load that wrk made, on one mongod and one redis-server, by turns within
each round. Figures are medians over the rounds, in brackets the least and the most. Every request is logged to a file by the
daemon and by both peers; each purchase has an `Idempotency-Key` of its own, and is acknowledged by MongoDB from its journal.
After purchases of one product, of 1,000, with many products and with several daemons the stock is compared with what was
sold: the daemon's with its ledger, the peers' with their purchases.
[What the peers are](../Benchmarks/peers/README.md), and where the comparison is not fair to whom.
"""


def write(sections: list[str]) -> bool:
    """False where nothing has been measured."""
    kept = {section: results for section in sections if (results := saved(section))}
    if not kept:
        return False
    parts = [INTRODUCTION, *warnings(kept), *bars(kept)]
    for section, (title, words) in TITLES.items():
        if section in kept:
            parts += [f"## {title}\n", words + "\n", *section_tables(kept[section])]
    parts += grown(kept) + overloaded(kept) + allocated(kept) + circumstances(kept)
    path = os.path.join(DOCS, "benchmarks.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
    print(f"\nwritten: {os.path.relpath(path, ROOT)}", flush=True)
    return True


def warnings(kept: dict[str, Results]) -> list[str]:
    short = [
        section for section, results in kept.items()
        if results.facts["rounds"] < FEWEST_ROUNDS or results.facts["seconds"] < FEWEST_SECONDS]
    if not short:
        return []
    which = "everything" if len(short) == len(kept) else ", ".join(short)
    return [
        f"> **From a short run**, fewer than {FEWEST_ROUNDS} rounds or less than {FEWEST_SECONDS} s each: {which}. "
        "These figures show that it can be measured; they are not to be quoted.\n"]


# Tables

def table(columns: list[str], rows: list[list[str]]) -> str:
    """The first column is words, the others are figures."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [columns, rule, *rows]) + "\n"


def spread_of(values: list[float], unit: str, digits: int = 0) -> str:
    if not values:
        return "–"
    median = statistics.median(values)
    if len(values) == 1:
        return f"{median:,.{digits}f}{unit}"
    return f"{median:,.{digits}f}{unit} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def figure(value: float, measure: str) -> str:
    unit = {"rate": "/s", "memory_mb": " MB"}.get(measure, " ms")
    return f"{value:,.2f}{unit}" if unit == " ms" else f"{value:,.0f}{unit}"


def bars(kept: dict[str, Results]) -> list[str]:
    rows = []
    for bar in BARS:
        ours, theirs = bar.figures(kept[bar.section]) if bar.section in kept else (None, None)
        if ours is None or not theirs:
            rows.append([bar.work, bar.against, "", "", "", bar.words(), "not measured"])
            continue
        ratio = ours / theirs
        rows.append([
            bar.work, bar.against, figure(ours, bar.measure), figure(theirs, bar.measure), f"{ratio:.2f}", bar.words(),
            "met" if bar.is_met(ratio) else "**MISSED**"])
    columns = ["work", "against", "inventoryd", "theirs", "ratio", "wanted", ""]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, (48, 34, 11, 11, 6, 13, 0))), flush=True)
    rule = ["---", "---", "---:", "---:", "---:", "---:", "---"]
    lines = ["| " + " | ".join(row) + " |" for row in [columns, rule, *rows]]
    return ["## What was wanted\n", "Ratios of medians of one run.\n", "\n".join(lines) + "\n"]


def section_tables(results: Results) -> list[str]:
    parts = []
    for work in results.works():
        rows = []
        for at in reversed(results.places(work)):
            for contestant in results.contestants(work):
                rates = results.rounds(contestant, work, at, "rate")
                if not rates:
                    continue
                name = f"{contestant}, {at} threads" if contestant == C_FINDS else contestant
                row = [name, spread_of(rates, "/s")]
                row += [spread_of(results.rounds(contestant, work, at, name), " ms", 2) for name in ("p50_ms", "p99_ms")]
                memory = results.rounds(contestant, work, at, "memory_mb")
                rows.append(row + ([spread_of(memory, " MB")] if memory else []))
        columns = [work, "answers", "half within", "99 % within"]
        if any(len(row) > len(columns) for row in rows):
            columns.append("memory of one process")
        parts.append(table(columns, rows))
    return parts


# How cost grows

def grown(kept: dict[str, Results]) -> list[str]:
    parts = ["## How cost grows\n"] if {"connections", "products", "daemons"} & set(kept) else []
    if "connections" in kept:
        parts.append(
            "With connections. What was refused or cut off does not count, and is told as failed. The daemon admits 1,024 "
            "requests at once if nothing else is configured.\n")
        for work, name in ((growth.READ, "reads"), (growth.BUY, "purchases")):
            parts += [places_table(kept["connections"], work, "connections"), *plots(kept["connections"], work, name)]
    if "products" in kept:
        parts.append(
            f"With products, all of them asked for alike, {growth.SIZE_CONNECTIONS} connections (inventoryd alone):\n")
        parts += [places_table(kept["products"], work, "products") for work in (growth.READ_ALL, growth.BUY_ALL)]
    if "daemons" in kept:
        parts.append(
            f"With daemons on one database and one Redis, {growth.SIZE_CONNECTIONS} connections among them. On this machine "
            "they, both servers and the load share the same cores, so more daemons cannot be faster here; the ledger was "
            "checked over all of them. Latencies are those of the slowest daemon.\n")
        parts += [places_table(kept["daemons"], work, "daemons") for work in (growth.READ, growth.BUY)]
    return parts


def places_table(results: Results, work: str, of: str) -> str:
    contestants = results.contestants(work)
    rows = []
    for at in results.places(work):
        row = [f"{at:,}"]
        for contestant in contestants:
            failed = sum(results.rounds(contestant, work, at, "failed"))
            rate = spread_of(results.rounds(contestant, work, at, "rate"), "/s")
            row.append(rate + (f", {failed:,.0f} failed" if failed else ""))
            latencies = [results.median(contestant, work, at, measure) for measure in ("p50_ms", "p99_ms")]
            row.append(" / ".join("–" if latency is None else f"{latency:,.2f}" for latency in latencies))
        rows.append(row)
    columns = [f"{work}: {of}"]
    for contestant in contestants:
        columns += [contestant, "p50 / p99, ms"]
    return table(columns, rows)


def plots(results: Results, work: str, name: str) -> list[str]:
    places = results.places(work)
    colours = dict(zip((OURS, EXPRESS, FASTAPI), COLOURS))

    def line(contestant: str, measure: str, label: str, is_dashed: bool = False) -> Line:
        points = [
            (at, value) for at in places if (value := results.median(contestant, work, at, measure)) is not None]
        return Line(label, points, colours[contestant], is_dashed)

    contestants = [contestant for contestant in results.contestants(work) if contestant in colours]
    rates = [line(contestant, "rate", contestant) for contestant in contestants]
    latencies = [
        line(contestant, measure, f"{contestant} {measure[:3]}", measure == "p99_ms")
        for contestant in contestants for measure in ("p50_ms", "p99_ms")]
    made = []
    for kind, lines, unit, is_logarithmic in (
            ("throughput", rates, "answers per second", False), ("latency", latencies, "milliseconds", True)):
        file_name = f"benchmarks-{name}-{kind}.svg"
        title = f"{kind.capitalize()}: {work}"
        with open(os.path.join(DOCS, file_name), "w", encoding="utf-8") as file:
            file.write(plot(title, "connections", unit, lines, is_logarithmic))
        made.append(f"![{title}, over connections]({file_name})\n")
    return made


def overloaded(kept: dict[str, Results]) -> list[str]:
    if "overload" not in kept:
        return []
    results = kept["overload"]
    rows = []
    for work, at in ((growth.CALM, growth.BUYERS), (growth.FLOODED, growth.OVERLOAD_CONNECTIONS)):
        row = [work, spread_of(results.rounds(OURS, work, at, "rate"), "/s")]
        row.append(spread_of(results.rounds(OURS, work, at, "refused_percent"), " %", 1))
        row += [spread_of(results.rounds(OURS, work, at, measure), " ms", 1) for measure in ("p50_ms", "p99_ms")]
        rows.append(row + [f"{sum(results.rounds(OURS, work, at, 'admitted')):,.0f}"])
    return [
        "## Overload\n",
        f"A daemon that admits {growth.ADMITTED_AT_ONCE} requests at once (`INVENTORYD_MAX_IN_FLIGHT`), and "
        f"{growth.OVERLOAD_CONNECTIONS:,} connections that buy, and ask again at once when they are told 503. "
        f"{growth.BUYERS} buyers beside them, who buy now and then, take the time of those purchases that are admitted.\n",
        table(["", "purchases done", "told 503", "admitted: half within", "99 % within", "timed"], rows)]


def allocated(kept: dict[str, Results]) -> list[str]:
    if "allocations" not in kept:
        return []
    results = kept["allocations"]
    rows = [
        [f"{contestant}: {work}", spread_of(results.rounds(contestant, work, allocations.CONNECTIONS, "allocations"), "", 1)]
        for work in results.works() for contestant in results.contestants(work)]
    return [
        "## Allocations\n",
        "How often the process asks the allocator for memory while it is under load, by the number of answers: the work on the "
        "request, its line in the log, and whatever goes on beside it.\n",
        table(["for one request", "allocations"], rows)]


def circumstances(kept: dict[str, Results]) -> list[str]:
    """What sections have in common is said once."""
    runs: dict[str, dict[str, list[str]]] = {}
    for section, results in kept.items():
        facts = results.facts
        machine = "\n".join(f"- {name}: {value}" for name, value in {**facts["machine"], **facts["versions"]}.items())
        rounds = "1 round" if facts["rounds"] == 1 else f"{facts['rounds']} rounds"
        run = f"{facts['measured_on']}, {rounds} of {facts['seconds']} s"
        runs.setdefault(machine, {}).setdefault(run, []).append(section)
    parts = ["## Where it was measured\n"]
    for machine, sections_of in runs.items():
        parts += [machine + "\n", *(f"{run}: {', '.join(sections)}.\n" for run, sections in sections_of.items())]
    return parts
