"""Plots as SVG text: lines over connections, on an axis that doubles.

Their colours are of middle brightness and there is no background, so they can be read on light and on dark pages.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 76, 130, 44, 52
COLOURS = ["#2f81d6", "#d1651f", "#2f9e5b", "#a05fd0"]
GREY = "#7b8087"


@dataclass(frozen=True)
class Line:
    name: str
    points: list[tuple[float, float]]
    colour: str
    is_dashed: bool = False


def plot(title: str, x_title: str, y_title: str, lines: list[Line], is_logarithmic: bool) -> str:
    xs = sorted({x for line in lines for x, _ in line.points})
    ys = [y for line in lines for _, y in line.points if y > 0]
    place_x = scale(math.log(xs[0]), math.log(xs[-1]), LEFT, WIDTH - RIGHT)
    if is_logarithmic:
        ticks = [10.0 ** power for power in range(math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys))) + 1)]
        linear = scale(math.log10(ticks[0]), math.log10(ticks[-1]), HEIGHT - BOTTOM, TOP)

        def place_y(y: float) -> float:
            return linear(math.log10(y))
    else:
        ticks = round_ticks(max(ys))
        place_y = scale(0, ticks[-1], HEIGHT - BOTTOM, TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escaped(title)}</title>",
        text(LEFT, 18, title, size=14, weight="600"),
        text(LEFT, 36, y_title),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_title, anchor="middle"),
    ]
    for tick in ticks:
        y = place_y(tick)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{GREY}" stroke-opacity="0.3"/>')
        parts.append(text(LEFT - 8, y + 4, f"{tick:,g}" if tick < 1 else f"{tick:,.0f}", anchor="end"))
    for x in xs:
        place = place_x(math.log(x))
        parts.append(
            f'<line x1="{place:.1f}" y1="{HEIGHT - BOTTOM}" x2="{place:.1f}" y2="{HEIGHT - BOTTOM + 5}" stroke="{GREY}"/>')
        parts.append(text(place, HEIGHT - BOTTOM + 20, f"{x:,.0f}", anchor="middle"))
    for line in lines:
        parts += drawn(line, lambda x: place_x(math.log(x)), place_y)
    parts += names(lines, place_y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = high - low or 1
    return lambda value: start + (value - low) / span * (end - start)


def round_ticks(most: float) -> list[float]:
    """From zero, in steps of one, two or five of a power of ten, to what is not below the most."""
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * 6 >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def drawn(line: Line, place_x: Callable[[float], float], place_y: Callable[[float], float]) -> list[str]:
    places = [(place_x(x), place_y(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="5 4"' if line.is_dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dash}/>']
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.colour}"/>' for x, y in places]
    return parts


def names(lines: list[Line], place_y: Callable[[float], float]) -> list[str]:
    """Beside the ends of the lines, apart from each other; every line is named in its colour."""
    parts, last = [], -math.inf
    for line in sorted(lines, key=lambda line: place_y(line.points[-1][1])):
        last = max(place_y(line.points[-1][1]) + 4, last + 15)
        parts.append(text(WIDTH - RIGHT + 10, last, line.name, colour=line.colour, weight="600"))
    return parts


def text(
    x: float, y: float, words: str, anchor: str = "start", size: int = 12, colour: str = GREY, weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escaped(words)}</text>')


def escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
