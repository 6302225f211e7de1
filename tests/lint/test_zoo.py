"""What the rules find in good networks: reviewed line by line, and no more than that.

`zoo.txt` is the snapshot. Whoever changes a rule reads the difference and says why each new line is right.
"""

from __future__ import annotations

from pathlib import Path

import shapecalc
from shapecalc.source.codes import SEVERITIES

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted([*ROOT.glob("specs/*.yaml"), *ROOT.glob("tests/d2l/*.yaml")])
SNAPSHOT = Path(__file__).parent / "zoo.txt"


def found() -> list[str]:
    """A line for each finding: the file, the code, and the layer or the text that it blames."""
    lines = []
    for path in SPECS:
        report = shapecalc.check(str(path))
        for d in report.diagnostics:
            what = d.layer or report.source.text[d.start : d.end]
            lines.append(f"{path.relative_to(ROOT)} {d.code} {what}")
    return lines


def test_findings_on_the_zoo_are_those_that_were_reviewed() -> None:
    reviewed = [line for line in SNAPSHOT.read_text().splitlines() if line and not line.startswith("#")]
    assert found() == reviewed


def test_no_good_network_has_an_error_and_the_one_warning_is_true() -> None:
    """A bias before a batch norm, which the course and Dive into Deep Learning write and torchvision does not."""
    told = {line.split()[1] for line in found()}
    assert {code for code in told if SEVERITIES[code] != "info"} == {"SC301"}
    zoo = {line.split()[0] for line in found() if " SC301 " in line}
    assert not zoo & {f"specs/{name}.yaml" for name in ("resnet_basic", "resnet_bottleneck", "densenet121", "unet")}
