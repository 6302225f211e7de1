"""A run's record and its network's report -> one HTML page that loads nothing and runs nothing. Knows no torch."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from shapecalc.render.curve import curve
from shapecalc.render.number import count
from shapecalc.render.table import BY_KEY, DEFAULT, render_totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapecalc.analysis.report import Report

STYLE = """
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 64rem; color: #1c2430; background: #fff;
  font: 15px/1.5 "Segoe UI", "Helvetica Neue", Arial, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; border-bottom: 2px solid #1f5fa8; padding-bottom: .4rem; }
h2 { font-size: 1.1rem; color: #1f5fa8; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #d5dbe3; padding: .25rem .7rem; text-align: left; vertical-align: top; }
th { background: #f4f6f9; }
.right { text-align: right; }
.best td { font-weight: 600; background: #eaf6ee; }
.wide { overflow-x: auto; }
.curves { display: flex; flex-wrap: wrap; gap: 1rem; }
svg { width: 29rem; max-width: 100%; font-size: 11px; fill: #5b6675; }
svg .title { font-size: 14px; fill: #1c2430; }
svg .grid { stroke: #e3e8ee; }
pre { background: #f4f6f9; padding: .7rem 1rem; overflow-x: auto; }
""".strip()
PARTS = (("train", "learned from"), ("held", "held out"))
FIGURES = (
    ("epoch", "epoch", "{:d}"),
    ("train_loss", "loss", "{:.5g}"),
    ("train_accuracy", "accuracy", "{:.2%}"),
    ("held_loss", "held-out loss", "{:.5g}"),
    ("held_accuracy", "held-out accuracy", "{:.2%}"),
    ("lr", "lr", "{:.3g}"),
    ("seconds", "seconds", "{:.2f}"),
)


def run_page(report: Report, record: Mapping[str, Any], interrupted: bool = False) -> str:
    """The page: what was reached, curves, figures by epoch, settings, the layer table and the spec's text."""
    title = f"{record['spec']['name'] or record['spec']['path']} on {record['data']['name']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_reached(record, interrupted))}</p>",
        *_section("Curves", _curves(record["epochs"])),
        *_section("Epochs", _epochs(record)),
        *_section("Settings", _pairs(_settings(record))),
        *_section("Layers", _layers(report)),
        *_section("Spec", f"<pre>{escape(report.source.text)}</pre>"),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return "\n".join(
        ["<!doctype html>", '<html lang="en">', f"<head>{head}</head>", "<body>", *parts, "</body></html>"]
    )


def _section(title: str, content: str) -> list[str]:
    return [f"<h2>{title}</h2>", content] if content else []


def _reached(record: Mapping[str, Any], interrupted: bool) -> str:
    best = record["best"]
    if not best:
        return "Interrupted before the first epoch was over."
    answers = f"accuracy {best['held_accuracy']:.2%}, " if "held_accuracy" in best else ""
    told = f"Best in epoch {best['epoch']}, of held-out samples: {answers}loss {best['held_loss']:.4g}."
    return f"{told} The run was interrupted." if interrupted else told


def _curves(epochs: Sequence[Mapping[str, Any]]) -> str:
    drawn = "".join(_curve(what, epochs) for what in ("loss", "accuracy"))
    return f'<div class="curves">{drawn}</div>' if drawn else ""


def _curve(what: str, epochs: Sequence[Mapping[str, Any]]) -> str:
    lines = [(label, [e.get(f"{part}_{what}") for e in epochs]) for part, label in PARTS]
    return curve(what, [e["epoch"] for e in epochs], lines)


def _epochs(record: Mapping[str, Any]) -> str:
    epochs = record["epochs"]
    shown = [f for f in FIGURES if any(f[0] in e for e in epochs)]
    rows = [[form.format(e[key]) if e.get(key) is not None else "" for key, _, form in shown] for e in epochs]
    best = [i for i, e in enumerate(epochs) if e["epoch"] == record["best"].get("epoch")]
    return _table([heading for _, heading, _ in shown], rows, range(len(shown)), best) if epochs else ""


def _settings(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    spec, data = record["spec"], record["data"]
    yield "spec", spec["path"]
    yield "SHA-256 of the spec", spec["sha256"]
    yield "set", _listed({**spec["set"], **spec["sizes"]})
    yield "parameters", count(record["params"])
    yield "data", f"{data['name']}: {count(data['learn'])} to learn from, {count(data['held'])} held out"
    yield from ((key.replace("_", " "), _told(value)) for key, value in record["plan"].items() if key != "dataset")
    yield "device", record["device"]
    yield "versions", _listed(record["versions"])


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{name} ({_listed(arguments or {})})" for name, arguments in value.items())
    return value


def _listed(pairs: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in pairs.items())


def _pairs(pairs: Iterator[tuple[str, Any]]) -> str:
    rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in pairs if v not in (None, ""))
    return f"<table>{rows}</table>"


def _layers(report: Report) -> str:
    columns = [BY_KEY[key] for key in DEFAULT]
    rows = [[column.cell(layer) for column in columns] for layer in report.layers]
    rights = [i for i, column in enumerate(columns) if column.right]
    totals = "\n".join(render_totals(report))
    return f"{_table([c.heading for c in columns], rows, rights)}<pre>{escape(totals)}</pre>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], rights: Sequence[int], best: Sequence[int] = ()) -> str:
    lines = [_row("th", heads, rights)]
    lines += [_row("td", row, rights, ' class="best"' if i in best else "") for i, row in enumerate(rows)]
    return f'<div class="wide"><table>{chr(10).join(lines)}</table></div>'


def _row(tag: str, cells: Sequence[str], rights: Sequence[int], kind: str = "") -> str:
    classes = [' class="right"' if i in rights else "" for i in range(len(cells))]
    told = (f"<{tag}{c}>{escape(cell)}</{tag}>" for c, cell in zip(classes, cells, strict=True))
    return f"<tr{kind}>{''.join(told)}</tr>"
