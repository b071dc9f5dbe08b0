"""Tables and pictures of what `benchmarks/windows.py` measured.

    python benchmarks/windows_report.py RESULTS --out docs/images

Prints Markdown tables; writes windows-growth.svg (time against distinct windows) and windows-size.svg (against size).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

STYLES = {
    "paper": ("#8c8c8c", "o-", "paper's form, float32"),
    "windows": ("#00796b", "o-", "windows, float32"),
    "windows bf16": ("#e65100", "o-", "windows, bf16"),
    "floor": ("#00796b", ":", "main convolutions alone, float32"),
    "floor bf16": ("#e65100", ":", "main convolutions alone, bf16"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    results = [json.loads(path.read_text()) for path in options.results.glob("*batch*.json")]
    results.sort(key=lambda result: (result["cell"]["data"], result["cell"]["width"], result["cell"]["batch"]))
    for part in ("inference", "training"):
        print(table([r for r in results if ("floor" in r["seconds"]) == (part == "inference")], part), end="\n\n")

    options.out.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": ""})
    draw_growth(json.loads((options.results / "growth.json").read_text()), options.out / "windows-growth.svg")
    draw_sizes([r for r in results if "floor" in r["seconds"]], options.out / "windows-size.svg")


def table(results: list[dict[str, Any]], part: str) -> str:
    """One row per cell: seconds of each variant with quartiles, how many times faster, peak memory."""
    names = [name for name in results[0]["seconds"] if name != "paper"]
    lines = ["| label maps | windows | paper's form | " + " | ".join(names) + " | peak memory |"]
    lines.append("| --- " * (len(names) + 4) + "|")
    for result in results:
        cell, seconds, memory = result["cell"], result["seconds"], result["memory"]
        name = f"{cell['data']}{' with edges' if cell['edges'] else ''}, {cell['width']}x{cell['height']}"
        name += f", batch {cell['batch']}" if cell["batch"] > 1 else ""
        share = f"{100 * statistics.median(result['shares']):.1f} %"
        row = [name, share, middle(seconds["paper"]), *(against(seconds["paper"], seconds[n]) for n in names)]
        lines.append("| " + " | ".join([*row, " / ".join(f"{m[0]:.0f}" for m in memory.values())]) + " |")
    return f"{part}\n\n" + "\n".join(lines)


def middle(times: list[float]) -> str:
    low, high = min(times), max(times)
    return f"{statistics.median(times):.3f} s ({low:.3f}-{high:.3f})"


def against(paper: list[float], times: list[float]) -> str:
    ratio = statistics.median(p / t for p, t in zip(paper, times, strict=True))
    return f"{statistics.median(times):.3f} s, **{ratio:.1f}x**"


def draw_growth(result: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4))
    counts = [point["windows"] for point in result["points"]]
    for name, (color, line, label) in STYLES.items():
        axes.plot(counts, [point["seconds"][name] for point in result["points"]], line, color=color, label=label, ms=4)
    axes.set_xscale("log")
    axes.set_ylim(0)
    axes.set_xlabel("distinct 5x5 windows of the label map, of 65,536 pixels")
    axes.set_ylabel("seconds per picture, 256x256")
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)


def draw_sizes(results: list[dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4))
    chosen = [r["cell"] | r for r in results if r["cell"]["data"] == "coco" and r["cell"]["edges"]]
    chosen = sorted((r for r in chosen if r["batch"] == 1), key=lambda r: r["width"])
    for name, (color, line, label) in STYLES.items():
        times = [statistics.median(r["seconds"][name]) for r in chosen]
        axes.plot([r["width"] for r in chosen], times, line, color=color, label=label, ms=4)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([r["width"] for r in chosen], [f"{r['width']}x{r['height']}" for r in chosen])
    axes.set_xlabel("picture, COCO-Stuff maps with edges")
    axes.set_ylabel("seconds per picture")
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)


def save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
