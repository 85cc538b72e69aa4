"""The machine that it was measured on, and what ran on it."""

import datetime
import os
import platform
import re
import subprocess

from shared.peers import FASTAPI_PYTHON
from shared.servers import DAEMON


def words_of(*command: str) -> str:
    """What a program says about itself, wherever it says it."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip()


def version_of(pattern: str, *command: str) -> str:
    found = re.search(pattern, words_of(*command))
    return found.group(1) if found else "unknown"


def machine() -> dict[str, str]:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        processor = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1))
    release = re.match(r"[\d.]*", platform.release())
    return {
        "processor": processor.group(1) if processor else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 1_048_576:.0f} GiB",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, Linux {release.group()}",
    }


def versions(mongod: str, redis: str) -> dict[str, str]:
    debian = words_of("dpkg-query", "-W", "-f=${Package} ${Version}\n", "node-express", "node-mongodb", "node-redis")
    packages = dict(line.split()[:2] for line in debian.splitlines() if line.startswith("node-"))
    python = words_of(FASTAPI_PYTHON, "-c", (
        "import importlib.metadata as packages, platform; print('Python ' + platform.python_version(), *("
        "f'{name} {packages.version(name)}' for name in ('fastapi', 'uvicorn', 'pymongo', 'redis', 'hiredis')), sep=', ')"))
    return {
        "inventoryd": f"{version_of(r'([0-9]+[.][0-9.]+)', DAEMON, '--version')}, release build",
        "mongod": f"{mongod}, standalone, default settings",
        "redis-server": f"{redis}, saves nothing",
        "wrk": version_of(r"wrk \D*([\d.]+)", "wrk", "--version"),
        "Express": ", ".join(
            [f"Node {words_of('node', '--version').lstrip('v')}"]
            + [f"{name} {version.split('+')[0]}" for name, version in packages.items()]),
        "FastAPI": python,
        "nginx": version_of(r"nginx/(\S+)", "/usr/sbin/nginx", "-v"),
    }


def facts(rounds: int, seconds: int, mongod: str, redis: str) -> dict:
    return {
        "rounds": rounds, "seconds": seconds, "measured_on": datetime.date.today().isoformat(), "machine": machine(),
        "versions": versions(mongod, redis)}
