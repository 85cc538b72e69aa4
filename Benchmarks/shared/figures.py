"""How the benchmarks print figures, and what their options are made of."""

import argparse
import statistics
from collections.abc import Callable


def show(name: str, values: list[float], unit: str = "/s", digits: int = 0) -> float:
    median = statistics.median(values)
    span = f"({min(values):,.{digits}f} to {max(values):,.{digits}f})"
    print(f"  {name:<46}{median:>12,.{digits}f}{unit}   {span}", flush=True)
    return median


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def sections_of(known: list[str]) -> Callable[[str], list[str]]:
    def sections(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
        return names
    return sections


def at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value
    return number
