"""Known findings: a file of them, so that an old repository can start, and findings that are in it are not told.

A finding is known by its file, code and layer, and by its message where no layer is named; how many of a kind are known
counts. Lines and columns do not: they move whenever somebody edits.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from shapecalc.lint.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapecalc.analysis.verdict import Found, Verdict

    Kind = tuple[str, str, str]

VERSION = 1


class Baseline:
    """How many findings of each kind are known; paths count from the folder of the file."""

    def __init__(self, path: str, known: Counter[Kind]) -> None:
        self.path = path
        self.known = known

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], path: str) -> Baseline:
        """All findings of these verdicts."""
        found = cls(path, Counter())
        found.known.update(found.kind(v, f) for v in verdicts for f in v.found)
        return found

    @classmethod
    def read(cls, path: str) -> Baseline:
        """The baseline in a file. Raises ConfigError."""
        import json

        try:
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            rows = document["findings"]
            known = Counter({(str(r["path"]), str(r["code"]), str(r["of"])): int(r["count"]) for r in rows})
        except OSError as error:
            hint = "write it with --write-baseline"
            raise ConfigError(f"{path}: {error.strerror or error}; {hint}") from None
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"{path}: this is no baseline; write a new one with --write-baseline") from None
        return cls(path, known)

    def write(self) -> None:
        """Write the file whole. Raises ConfigError."""
        import json

        from shapecalc.cli.mend import write_whole

        rows = [{"path": p, "code": c, "of": of, "count": n} for (p, c, of), n in sorted(self.known.items())]
        lines = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        listed = f"[\n    {lines}\n  ]" if rows else "[]"
        try:
            text = f'{{\n  "version": {VERSION},\n  "findings": {listed}\n}}\n'
            write_whole(self.path, text.encode("utf-8", "backslashreplace"))  # names that are no UTF-8, as JSON has it
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror or error}") from None

    def kind(self, verdict: Verdict, found: Found) -> Kind:
        """What a finding is known by."""
        folder = os.path.dirname(os.path.abspath(self.path))
        path = os.path.relpath(os.path.abspath(verdict.path), folder).replace(os.sep, "/")
        return path, found.code, found.layer or found.message

    def without(self, verdicts: list[Verdict]) -> list[Verdict]:
        """The same verdicts with only the findings that are not known."""
        left = Counter(self.known)
        for verdict in verdicts:
            verdict.found = [f for f in verdict.found if not self._taken(left, self.kind(verdict, f))]
        return verdicts

    def _taken(self, left: Counter[Kind], kind: Kind) -> bool:
        left[kind] -= 1
        return left[kind] >= 0
