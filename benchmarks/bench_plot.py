"""Draws the figures of ``make bench``: ``bench_plot.py PICTURE.svg``, the figures as JSON on standard input.

Runs in the bench's own venv, which has matplotlib: ``{"tools": {TITLE: {NAME: SECONDS}}, "growth": {NAME:
{COPIES: [SECONDS, MB]}}}``.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OWN, OTHER = "#b3402a", "#7f8fa3"


def bars(axes: Axes, title: str, seconds: dict[str, float]) -> None:
    """One bar a command; this tool's own in another colour."""
    names = list(reversed(seconds))
    colours = [OWN if name.startswith("fromlogits-audit") else OTHER for name in names]
    shown = axes.barh(names, [seconds[name] for name in names], color=colours)
    axes.bar_label(shown, fmt="%.3g", padding=3, fontsize=8)
    axes.set(xscale="log", xlabel="CPU seconds", title=title)
    axes.margins(x=0.25)


def curves(axes: Axes, growth: dict[str, dict[str, list[float]]], index: int, unit: str) -> None:
    """One curve a command over the copies; ``index`` says which of its two figures."""
    for name, points in growth.items():
        copies = [int(count) for count in points]
        values = [point[index] for point in points.values()]
        colour = OWN if name.startswith("fromlogits-audit") else OTHER
        axes.plot(copies, values, marker="o", color=colour, label=name)
    axes.set(xscale="log", xlabel="copies", ylabel=unit, title=f"growth: {unit}")
    axes.set_xticks(copies, labels=list(points))
    axes.xaxis.minorticks_off()
    axes.legend()


def main() -> None:
    found: dict[str, Any] = json.load(sys.stdin)
    # The same figures give the same bytes.
    plt.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none"})
    picture, ((first, second), (third, fourth)) = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
    for axes, (title, seconds) in zip((first, second), found["tools"].items(), strict=True):
        bars(axes, title, seconds)
    curves(third, found["growth"], 0, "CPU seconds")
    third.set_yscale("log")
    curves(fourth, found["growth"], 1, "MB")
    fourth.set_ylim(bottom=0)
    picture.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
