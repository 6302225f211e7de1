"""`shapecalc explain` and `shapecalc op` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shapecalc.cli.explain import WHAT
from shapecalc.cli.group import cli
from shapecalc.explain.figures import SECTIONS
from shapecalc.ops.registry import MODULES, find

SPECS = Path(__file__).parents[2] / "specs"
ALEXNET = str(SPECS / "alexnet.yaml")


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, [*args])


def test_a_layer_is_explained_by_its_path() -> None:
    done = run("explain", ALEXNET, "features.0", "--what", "output")
    assert "= (224 + 2*2 - 1*(11 - 1) - 1)//4 + 1" in done.stdout
    assert "217/4 = 54.25, rounded down" in done.stdout
    assert "Parameters" not in done.stdout


def test_what_can_be_asked_for_is_what_there_is() -> None:
    assert tuple(SECTIONS) == WHAT


def test_a_misspelt_layer_gets_a_hint() -> None:
    done = run("explain", ALEXNET, "feature.0")
    assert done.exit_code == 2
    assert "Did you mean 'features.0'?" in done.stderr


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = run("explain", str(tmp_path / "none.yaml"))
    assert done.exit_code == 1  # a ClickException; `run` of the group makes it 2
    assert "Traceback" not in done.output


def test_a_spec_with_a_failing_need_is_explained_by_it(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("shapecalc: 1\ninput: [3, 3, 3]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 5}}, ReLU]\n")
    text = CliRunner().invoke(cli, ["explain", str(path)], standalone_mode=False)
    assert text.return_value == 1
    assert "This must be at least 0:" in text.stdout
    assert "- kernel_size: 3 in place of 5 would do" in text.stdout
    assert "SC201" in text.stderr


def test_params_are_set_before_anything_is_explained() -> None:
    done = run("explain", ALEXNET, "classifier.6", "--set", "num_classes=10", "--what", "params")
    assert "= 10*4096 + 10" in done.stdout


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_pages_come_as_markdown_and_latex(form: str) -> None:
    done = run("explain", ALEXNET, "features.0", "--output-format", form)
    assert done.exit_code == 0
    assert {"markdown": "## Output size", "latex": r"\subsection*{Output size}"}[form] in done.stdout


def test_latex_environments_and_brackets_are_closed() -> None:
    text = run("explain", ALEXNET, "--output-format", "latex").stdout
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") > 10
    assert text.count(r"\left") == text.count(r"\right")
    assert text.replace(r"\{", "").count("{") == text.replace(r"\}", "").count("}")


def test_an_operator_has_its_manual_page() -> None:
    text = run("op", "Conv2d").stdout
    assert "(i + 2*p - d*(k - 1) - 1)//s + 1" in text
    assert "C_out*(C_in//g)*k_h*k_w" in text
    assert all(a.name in text and a.doc in text for a in find("Conv2d").attributes)


def test_all_operators_are_listed_and_have_pages() -> None:
    listed = run("op").stdout.split()
    assert set(MODULES) <= set(listed)
    pages = run("op", "--all").stdout
    assert all(f"\n{name}\n{'=' * len(name)}\n" in f"\n{pages}" for name in MODULES)


def test_a_misspelt_operator_gets_a_hint() -> None:
    done = run("op", "Conv2D")
    assert done.exit_code == 2
    assert "Did you mean 'Conv2d'?" in done.stderr
