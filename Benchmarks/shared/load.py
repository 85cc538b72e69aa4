"""The load, made by wrk: what it asks for, and what it saw."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

# The scripts know PATHS, where the products are, and SEED, which no other run has.
NUMBERED = """
local threads = {}
function setup(thread) thread:set("number", #threads); table.insert(threads, thread) end
"""

READS = NUMBERED + """
function init() math.randomseed(SEED + number) end
function request() return wrk.format("GET", PATHS[math.random(#PATHS)]) end
"""

# Each product in turn, from where it is to begin; the two threads take every second one.
SWEEP = NUMBERED + """
function init() index = START + number end
function request()
  index = index + 2
  return wrk.format("GET", PATHS[index % #PATHS + 1])
end
"""

PURCHASES = NUMBERED + """
function init() math.randomseed(SEED + number); purchases = 0 end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"quantity":1}'
function request()
  purchases = purchases + 1
  wrk.headers["Idempotency-Key"] = SEED .. "-" .. number .. "-" .. purchases
  return wrk.format(nil, PATHS[math.random(#PATHS)] .. "/purchase")
end
"""

# A product's rank is its place in PATHS.
ZIPF = NUMBERED + """
function init()
  math.randomseed(SEED + number)
  reads, purchases = 0, 0
  sums = {}
  local sum = 0
  for rank = 1, #PATHS do sum = sum + 1 / rank; sums[rank] = sum end
end
local function path()
  local wanted, low, high = math.random() * sums[#sums], 1, #sums
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sums[middle] < wanted then low = middle + 1 else high = middle end
  end
  return PATHS[low]
end
function request()
  if math.random() >= PURCHASE_SHARE then
    reads = reads + 1
    return wrk.format("GET", path())
  end
  purchases = purchases + 1
  local headers = {}
  headers["Content-Type"] = "application/json"
  headers["Idempotency-Key"] = SEED .. "-" .. number .. "-" .. purchases
  return wrk.format("POST", path() .. "/purchase", headers, '{"quantity":1}')
end
function done()
  local all, bought = 0, 0
  for _, thread in ipairs(threads) do all = all + thread:get("reads"); bought = bought + thread:get("purchases") end
  io.write(string.format("reads %d purchases %d\\n", all, bought))
end
"""


def sweep(start: int) -> str:
    return f"START = {start}\n{SWEEP}"


def zipf(purchase_share: float) -> str:
    return f"PURCHASE_SHARE = {purchase_share}\n{ZIPF}"


@dataclass
class Answers:
    """What wrk saw: answers a second and in all, those of them that were no success, what came to no answer, latencies."""

    rate: float
    count: int
    refused: int
    broken: int
    latency_ms: dict[int, float]
    words: str = field(repr=False)


class Wrk:
    """Makes load with scripts of which each run is another: the keys of no two purchases are the same."""

    def __init__(self, directory: str, seconds: int) -> None:
        self.directory, self.seconds = directory, seconds
        self.runs = 0

    def begin(
        self, url: str, paths: list[str], text: str, connections: int, headers: dict[str, str] | None = None,
        seconds: int | None = None
    ) -> subprocess.Popen:
        self.runs += 1
        script = os.path.join(self.directory, f"load-{self.runs}.lua")
        with open(script, "w", encoding="ascii") as file:
            listed = ",".join(f'"{path}"' for path in paths)
            file.write(f"SEED = {self.runs * 1_000}\nPATHS = {{{listed}}}\n{text}")
            for name, value in (headers or {}).items():
                file.write(f'wrk.headers["{name}"] = "{value}"\n')
        command = [
            "wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds or self.seconds}s", "--timeout", "10s",
            "--latency", "-s", script, url]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, process: subprocess.Popen, may_fail: bool = False) -> Answers:
        words, errors = process.communicate()
        answers = read_words(words)
        has_ended_well = process.returncode == 0 and answers
        if not has_ended_well or (answers.refused or answers.broken) and not may_fail:
            sys.exit(f"wrk saw failures:\n{words}{errors}")
        return answers

    def run(self, url: str, paths: list[str], text: str, connections: int, **options) -> Answers:
        """All answers are a success, or the benchmark ends here."""
        return self.end(self.begin(url, paths, text, connections, **options))


def read_words(words: str) -> Answers | None:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", words)
    count = re.search(r"(\d+) requests in", words)
    if not rate or not count:
        return None
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", words)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", words)
    factors = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
    latency = {
        int(percent): float(value) * factors[unit]
        for percent, value, unit in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m) *$", words, re.MULTILINE)}
    return Answers(
        float(rate.group(1)), int(count.group(1)), int(refused.group(1)) if refused else 0,
        sum(map(int, broken.groups())) if broken else 0, latency, words)
