"""Reports -> CSV: one row for each layer of each file, with plain numbers, for spreadsheets and data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapecalc.render.paint import printable
from shapecalc.render.table import BY_KEY, DEFAULT, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.report import Report


def render_csv(reports: Sequence[Report], keys: Sequence[str] | None = None, sort: str | None = None) -> str:
    """The rows below a line with the columns' keys; `path` names the file. Quoted as RFC 4180 says.

    Counts are integers, closed forms where sizes are symbols, and empty where they cannot be known. A row ends as lines
    do where the text is written: on Windows by CR and LF, as the RFC has it.
    """
    import csv
    from io import StringIO

    columns = [BY_KEY[key] for key in keys or DEFAULT]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", *(column.key for column in columns)])
    for report in reports:
        path = printable(report.path)
        writer.writerows([path, *(column.plain(layer) for column in columns)] for layer in in_order(report, sort))
    return text.getvalue().removesuffix("\n")
