"""Compares a running daemon's metrics with what docs/ says of them. Called by scripts/check-metrics."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml
from prometheus_client.parser import text_string_to_metric_families

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
# What there is only with REDIS_URL, or with INVENTORYD_TLS_CERT.
CONDITIONAL = {"inventoryd_redis_connections", "inventoryd_tls_certificate_expiry_seconds"}
# What Prometheus adds by itself.
PROMETHEUS = {"up"}
START_TIMEOUT_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(binary):
    """The families that a daemon tells after a few requests of each kind."""
    with tempfile.TemporaryDirectory() as state:
        api, metrics = free_port(), free_port()
        daemon = subprocess.Popen(
            [binary],
            env={
                "PATH": os.environ["PATH"], "HOME": state, "INVENTORYD_STATE_DIR": state, "PORT": str(api),
                "INVENTORYD_SOCKET": "none", "INVENTORYD_METRICS_LISTEN": f"127.0.0.1:{metrics}",
            },
            stderr=subprocess.DEVNULL, cwd=state,
        )
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while True:
                try:
                    if fetch(f"http://127.0.0.1:{api}/readyz")[0] == 200:
                        break
                except OSError:
                    pass
                if daemon.poll() is not None or time.monotonic() > deadline:
                    sys.exit("check-metrics: the daemon did not start")
                time.sleep(0.05)
            product = b'{"sku":"A","name":"A","price":{"amount":1,"currency":"EUR"},"stock":{"on_hand":1}}'
            product_id = json.loads(fetch(f"http://127.0.0.1:{api}/v1/products", product)[1])["id"]
            purchase = f"http://127.0.0.1:{api}/v1/products/{product_id}/purchase"
            statuses = [fetch(purchase, b'{"quantity":1}')[0] for _ in range(2)]
            assert statuses == [201, 409], statuses
            fetch(f"http://127.0.0.1:{api}/v1/products/{product_id}")
            text = fetch(f"http://127.0.0.1:{metrics}/metrics")[1]
            assert fetch(f"http://127.0.0.1:{metrics}/v1/products")[0] == 404, "there is more than metrics"
        finally:
            daemon.terminate()
            if daemon.wait(30) != 0:
                sys.exit("check-metrics: the daemon did not stop well")
    return list(text_string_to_metric_families(text)), text


def names(expression):
    """The metrics that an expression of PromQL names, without what a histogram adds to them."""
    expression = re.sub(r'"[^"]*"', '""', expression)
    found = re.findall(r"\b(?:inventoryd|process)_[a-z_]+\b|\bup\b", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def value(text, sample):
    line = next((line for line in text.splitlines() if line.startswith(sample + " ")), None)
    return None if line is None else float(line.rsplit(" ", 1)[1])


def main():
    families, text = scrape(sys.argv[1])
    # The parser takes `_total` off the names of counters.
    there = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    faults = []
    for sample, expected in {
        "inventoryd_purchases_total": 1, "inventoryd_units_sold_total": 1,
        'inventoryd_stock_refusals_total{reason="insufficient-stock"}': 1,
        'inventoryd_http_requests_total{method="POST",route="/v1/products/{id}/purchase",status="409"}': 1,
        'inventoryd_http_request_duration_seconds_count{method="POST",route="/v1/products/{id}/purchase"}': 2,
    }.items():
        if value(text, sample) != expected:
            faults.append(f"{sample} is {value(text, sample)}, and should be {expected}")
    table = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) ", (DOCS / "metrics.md").read_text(), re.M)
    documented = {name for name, _ in table}
    faults += [f"docs/metrics.md lacks {name}" for name in sorted(there - documented)]
    faults += [f"docs/metrics.md has {name}, which is not there" for name in sorted(documented - there - CONDITIONAL)]
    kinds = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    faults += [f"docs/metrics.md calls {name} a {kind}" for name, kind in table if kinds.get(name, kind) != kind]

    dashboard = json.loads((DOCS / "monitoring" / "grafana.json").read_text())
    used = {
        f"the panel {panel['title']}, {target['refId']}": target["expr"]
        for panel in dashboard["panels"] for target in panel["targets"]
    }
    rules = yaml.safe_load((DOCS / "monitoring" / "alerts.yml").read_text())
    used |= {f"the rule {rule['alert']}": rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    for place, expression in used.items():
        found = names(expression)
        if not found:
            faults.append(f"{place} uses no metric")
        faults += [f"{place} uses {name}, which is not there" for name in sorted(found - documented - PROMETHEUS)]
    for fault in faults:
        print(f"check-metrics: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{len(there)} metrics, {len(dashboard['panels'])} panels and {len(used)} expressions: all agree")


main()
