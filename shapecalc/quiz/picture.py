"""Marks of a class -> a picture: the share right of each question, and which mistake how often. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz.report import share_right, tallies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.grade import Student
    from shapecalc.quiz.question import Sheet

UNDATED: dict[str, Any] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""What keeps each kind of picture the same from run to run."""
SUFFIXES = tuple(UNDATED)
CHINESE = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
           "Microsoft YaHei", "SimHei", "PingFang SC", "Arial Unicode MS", "Droid Sans Fallback")  # fmt: skip
"""Fonts that have Chinese signs, some of which a machine may have."""
MOST = 12
"""Mistakes that are drawn; those that follow are rare."""


class Missing(ValueError):
    """matplotlib is not there."""


def draw(path: str, sheet: Sheet, students: Sequence[Student], say: Words) -> None:
    """Write the picture to a file whose suffix says its format. Raises Missing, and OSError as the file does."""
    try:
        import matplotlib
    except ImportError:
        raise Missing("a picture needs matplotlib: pip install 'shapecalc-nn[quiz]'") from None
    from matplotlib.figure import Figure

    settings: Any = {"svg.hashsalt": "shapecalc", **_font(sheet.title + say("Mistakes"))}
    with matplotlib.rc_context(settings):
        found = tallies(students, say)[:MOST]
        # A Figure of its own, not pyplot's: no window system is asked for.
        figure = Figure(figsize=(10, 2.5 + 0.3 * max(len(sheet.questions), len(found))), layout="constrained")
        left, right = figure.subplots(1, 2)
        figure.suptitle(_plain(sheet.title))
        _shares(left, [float(100 * share_right(students, n)) for n in range(len(sheet.questions))], sheet, say)
        _mistakes(right, [t.mistake for t in found], [t.times for t in found], say)
        figure.savefig(path, metadata=UNDATED[path[-4:]])


def _font(text: str) -> dict[str, Any]:
    """A font that has the signs of a text, where it is not plain and one is there."""
    if text.isascii():
        return {}
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return {"font.sans-serif": [*(name for name in CHINESE if name in there), "DejaVu Sans"]}


def _plain(text: str) -> str:
    """A text in which matplotlib sees no mathematics."""
    return text.replace("$", r"\$")


def _shares(axes: Any, shares: Sequence[float], sheet: Sheet, say: Words) -> None:
    labels = [f"{n}  {q.id}" for n, q in enumerate(sheet.questions, start=1)]
    axes.barh(range(len(shares)), shares, color="tab:green")
    axes.barh(range(len(shares)), [100 - s for s in shares], left=shares, color="0.9")
    axes.set_yticks(range(len(shares)), [_plain(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel(say("right, per cent"))
    axes.set_title(say("Questions"))


def _mistakes(axes: Any, names: Sequence[str], times: Sequence[int], say: Words) -> None:
    axes.barh(range(len(times)), times, color="tab:red")
    axes.set_yticks(range(len(times)), names)
    axes.invert_yaxis()
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(say("times"))
    axes.set_title(say("Mistakes"))
