"""What tests tell behind their verdict: counts, and what they left out, printed at the end of every run."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the property `told` of every test that recorded one, in whichever process it ran."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, text in getattr(report, "user_properties", []):
                if name == "told":
                    terminalreporter.write_line(text)
