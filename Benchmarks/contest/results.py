"""What was measured, kept as JSON so that a report can be made of several runs."""

import json
import os
import statistics

from shared.servers import ROOT

DIRECTORY = os.path.join(ROOT, "Benchmarks/.results")


class Results:
    """The figures of one section, a list of rounds for each contestant, work, measure, and place on an axis."""

    def __init__(self, section: str, facts: dict | None = None, series: list[dict] | None = None) -> None:
        self.section, self.facts = section, facts or {}
        self.series: dict[tuple[str, str, int], dict[str, list[float]]] = {}
        for entry in series or []:
            self.series[(entry["contestant"], entry["work"], entry["at"])] = entry["measures"]

    def add(self, contestant: str, work: str, at: int, **measures: float) -> None:
        lists = self.series.setdefault((contestant, work, at), {})
        for measure, value in measures.items():
            lists.setdefault(measure, []).append(value)

    def rounds(self, contestant: str, work: str, at: int, measure: str) -> list[float]:
        return self.series.get((contestant, work, at), {}).get(measure, [])

    def median(self, contestant: str, work: str, at: int, measure: str) -> float | None:
        values = self.rounds(contestant, work, at, measure)
        return statistics.median(values) if values else None

    def works(self) -> list[str]:
        return list(dict.fromkeys(work for _, work, _ in self.series))

    def contestants(self, work: str) -> list[str]:
        return list(dict.fromkeys(contestant for contestant, of, _ in self.series if of == work))

    def places(self, work: str) -> list[int]:
        return sorted({at for _, of, at in self.series if of == work})

    def save(self) -> None:
        os.makedirs(DIRECTORY, exist_ok=True)
        series = [
            {"contestant": contestant, "work": work, "at": at, "measures": measures}
            for (contestant, work, at), measures in self.series.items()]
        # Whole or not at all: the last run's figures are worth more than half of this one's.
        path = os.path.join(DIRECTORY, f"{self.section}.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"section": self.section, **self.facts, "series": series}, file, indent=1)
        os.replace(path + ".new", path)


def saved(section: str) -> Results | None:
    try:
        with open(os.path.join(DIRECTORY, f"{section}.json"), encoding="utf-8") as file:
            kept = json.load(file)
    except FileNotFoundError:
        return None
    series = kept.pop("series")
    return Results(kept.pop("section"), kept, series)
