"""Fixes of what reading and elaboration find: the piece of text that is wrong is written anew, and no other."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from shapecalc.lint.fix import edited, mend
from shapecalc.lint.registry import PAGES, page
from shapecalc.lint.selection import Selection
from shapecalc.pipeline import analyse
from shapecalc.source.diagnostic import SAFE, UNSAFE
from shapecalc.source.text import Source

from .findings import module, spec

if TYPE_CHECKING:
    from shapecalc.analysis.report import Report


PAGE_CODES = [code for _, line in PAGES for code in line.split()]


def checked(text: str) -> Report:
    """The report of a text without what rules advise."""
    return analyse(Source("<text>", text), {}, selection=Selection(PAGE_CODES))


def errors(text: str) -> list[Any]:
    return [d for d in checked(text).diagnostics if d.severity == "error"]


def mended(text: str, *, unsafe: bool = True) -> str:
    return mend(checked(text), checked, unsafe=unsafe).text


MENDED = {"SC002", "SC103", "SC106", "SC107", "SC112", "SC114", "SC202", "SC203", "SC215"}
"""Errors whose bad example can be mended."""


@pytest.mark.parametrize("code", sorted(MENDED))
def test_the_fixes_of_a_bad_example_leave_no_error_and_change_nothing_else(code: str) -> None:
    bad = page(code).sections()["Bad"]
    fixes = [d.fix for d in errors(bad)]
    assert all(fixes)
    text = mended(bad)
    assert text == edited(bad, [edit for fix in fixes for edit in fix.edits])
    assert errors(text) == []
    assert mended(text) == text


def test_no_other_bad_example_has_a_fix() -> None:
    having = [c for c in PAGE_CODES if c != "SC001" and any(d.fix for d in errors(page(c).sections()["Bad"]))]
    assert set(having) == MENDED


# names

NAMES = [
    ("layers: [{Linaer: 3}]", "layers: [{Linear: 3}]"),
    ("layers: [{'Linaer': 3}]", "layers: [{'Linear': 3}]"),
    ("layers:\n  - Relu  # Relu", "layers:\n  - ReLU  # Relu"),
    ("layers: {a: {conv: {Relu: }}}", "layers: {a: {conv: {ReLU: }}}"),
    ("layers: [{Linear: {out_feature: 3}}]", "layers: [{Linear: {out_features: 3}}]"),
    ("layers: {a: {Linear: 4}, b: {Add: [aa1, input]}}", None),
    ("layers: {one: {Linear: 4}, b: {Add: [noe, input]}}", "layers: {one: {Linear: 4}, b: {Add: [one, input]}}"),
    ("layers: {a: {Linear: 4}, b: {Add: inptu}}", "layers: {a: {Linear: 4}, b: {Add: input}}"),
    (
        "layers: {body: {conv1: {Linear: 4}}, b: {Add: body.cnov1}}",
        "layers: {body: {conv1: {Linear: 4}}, b: {Add: body.conv1}}",
    ),
    (
        "layers: {part: {Chunk: {chunks: 2, dim: 1}}, b: {ReLU: , from: 'prat[1]'}}",
        "layers: {part: {Chunk: {chunks: 2, dim: 1}}, b: {ReLU: , from: 'part[1]'}}",
    ),
    ('layers: {conv1: {Linear: 4}, b: {Add: "cn\\x6fv1"}}', None),
    ("params: {width: 4}\nlayers: [{Linear: widht*widht}]", "params: {width: 4}\nlayers: [{Linear: width*width}]"),
    ("params: {w_1: 4}\nlayers: {'fc{w_l}': {Linear: w_1}}", "params: {w_1: 4}\nlayers: {'fc{w_1}': {Linear: w_1}}"),
    ("layers: [{Linear: 3, wehn: true}]", "layers: [{Linear: 3, when: true}]"),
    ("layers: [{Linear: {out_feature: 3, out_features: 4}}]", None),
    ("layers: [{Linear: 3}]\nouput: '0'", "layers: [{Linear: 3}]\noutput: '0'"),
    ("layers: [{Linear: 3}]\nlayer: x", None),
    ("layers: [{Linear: 3, expect: {shap: [3]}}]", "layers: [{Linear: 3, expect: {shape: [3]}}]"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), NAMES, ids=[before for before, _ in NAMES])
def test_a_name_that_is_nearly_right_is_written_as_it_was_meant(before: str, after: str | None) -> None:
    text = f"shapecalc: 1\ninput: [4]\n{before}\n"
    assert errors(text)
    assert {d.fix.safety for d in errors(text) if d.fix} <= {UNSAFE}
    assert mended(text) == (text if after is None else f"shapecalc: 1\ninput: [4]\n{after}\n")
    assert mended(text, unsafe=False) == text
    assert after is None or errors(mended(text)) == []


# expressions that YAML cut

CUTS = [
    ("- {Linear: max(1, c // 4)}", '- {Linear: "max(1, c // 4)"}'),
    ("- {Linear: max(1,c // 4)}", '- {Linear: "max(1,c // 4)"}'),
    ("- {Linear: max(1, 2, c)}", '- {Linear: "max(1, 2, c)"}'),
    ("- {Linear: max(1, 2, c), when: c > 2}", '- {Linear: "max(1, 2, c)", when: c > 2}'),
    ("- Linear: {bias: true, out_features: max(1, c)}  # x", '- Linear: {bias: true, out_features: "max(1, c)"}  # x'),
    ("- {Linear: d[0]}", '- {Linear: "d[0]"}'),
    ("- {Linear: min(c, d[0])}", '- {Linear: "min(c, d[0])"}'),
    ("- Linear: {out_features: min(d[0], c), bias: false}", '- Linear: {out_features: "min(d[0], c)", bias: false}'),
    ("- Linear: [3, 4][1]  # so", '- Linear: "[3, 4][1]"  # so'),
    ("- {Linear: max(1, # so\n       c)}", None),
    ("- Linear: % 2", None),
    ("- Linear: {c: 3}[c]", None),
    ("- {Linear: max(1, c}", None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CUTS, ids=[before for before, _ in CUTS])
def test_an_expression_that_yaml_cut_is_quoted_safely(before: str, after: str | None) -> None:
    text = spec(before, "[4]", "params: {c: 8, d: [5]}\n")
    (problem,) = errors(text)
    assert problem.code in ("SC002", "SC112")
    if after is None:
        assert mended(text) == text
        return
    assert problem.fix.safety == SAFE
    assert mended(text, unsafe=False) == spec(after, "[4]", "params: {c: 8, d: [5]}\n")
    assert errors(mended(text)) == []


def test_a_bound_is_quoted_and_line_ends_stay() -> None:
    head = "shapecalc: 1\r\ninput: [d[0], 4]\r\nparams: {d: [3]}\r\n"
    text = f"{head}layers: [{{Linear: 3}}]\r\nexpect:\r\n  params: <= 5M\r\n"
    bound = text.replace("d[0]", '"d[0]"').replace("<= 5M", "> 5")
    assert mended(text, unsafe=False) == text.replace("d[0]", '"d[0]"')
    assert mended(bound, unsafe=False) == bound.replace("> 5", '"> 5"')


def test_a_safe_fix_of_a_spec_with_errors_still_keeps_every_tensor_that_it_has() -> None:
    text = spec("a: {Linear: 4}\nb: {Linear: max(1, 2)}", "[4]")
    (problem,) = errors(text)
    problem.fix.edits += ((text.index("4}"), text.index("4}") + 1, "5"),)
    report = checked(text)
    report.diagnostics[:] = [problem]
    assert mend(report, checked).text == text


# sizes that arrive

SIZES = [
    ("- Conv2d: {in_channels: 4, out_channels: 2, kernel_size: 1}", "in_channels: 4", "in_channels: 3"),
    ("- Conv2d:\n    in_channels: 4  # x\n    out_channels: 2\n    kernel_size: 1", "in_channels: 4", "in_channels: 3"),
    ("- BatchNorm2d: {num_features: 4}", "num_features: 4", "num_features: 3"),
    ("- LayerNorm: {normalized_shape: 4}", "normalized_shape: 4", "normalized_shape: 8"),
    ("- Flatten\n- Linear: {in_features: 4, out_features: 2}", "in_features: 4", "in_features: 192"),
    ("- Conv2d: {in_channels: 2 + 2, out_channels: 2, kernel_size: 1}", "", ""),
    ("- Conv2d: {in_channels: 4, out_channels: 4, kernel_size: 1}\n  repeat: 2", "", ""),
    ("- for i in range(2):\n    - Conv2d: {in_channels: 3, out_channels: 4, kernel_size: 1}", "", ""),
    ("- for i in range(2):\n    - Conv2d: {in_channels: 5, out_channels: 4, kernel_size: 1}", "", ""),
    ("- Conv2d: &a {in_channels: 3, out_channels: 4, kernel_size: 1}\n- Conv2d: *a", "", ""),
    ("- &a {Conv2d: {in_channels: 3, out_channels: 4, kernel_size: 1}}\n- *a", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "before", "after"), SIZES, ids=[layers for layers, _, _ in SIZES])
def test_a_declared_size_is_set_to_what_arrives_where_the_text_makes_one_layer(
    layers: str, before: str, after: str
) -> None:
    text = spec(layers, "[3, 8, 8]")
    (problem,) = errors(text)
    assert problem.code in ("SC202", "SC203")
    assert mended(text) == text.replace(before, after) if before else problem.fix is None
    assert not before or errors(mended(text)) == []


def test_what_arrives_is_what_torch_takes() -> None:
    text = spec("- Flatten\n- {Linear: {in_features: 4, out_features: 2}}", "[3, 8, 8]")
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))(torch.zeros(5, 3, 8, 8))
    assert module(mended(text))(torch.zeros(5, 3, 8, 8)).shape == (5, 2)


def test_a_size_that_is_not_known_is_not_written() -> None:
    text = spec("- Flatten\n- {Linear: {in_features: 4, out_features: 2}}", "[3, 2*H, 3*H]")
    (problem,) = errors(text)
    assert problem.fix is None


# the batch

BATCH = [
    ("- LSTM: 4", "- LSTM: {hidden_size: 4, batch_first: true}"),
    ("- {GRU: {hidden_size: 4}, repeat: 2}", "- {GRU: {hidden_size: 4, batch_first: true}, repeat: 2}"),
    ("- RNN:\n    hidden_size: 4\n    batch_first: false", "- RNN:\n    hidden_size: 4\n    batch_first: true"),
]


@pytest.mark.parametrize(("before", "after"), BATCH)
def test_the_batch_is_put_in_its_place(before: str, after: str) -> None:
    text = spec(before, "[6, 4]")
    (problem,) = errors(text)
    assert problem.code == "SC215"
    assert mended(text) == spec(after, "[6, 4]")
    assert errors(mended(text)) == []


@pytest.mark.parametrize("batch_first", [False, True])
def test_without_batch_first_the_samples_of_a_batch_are_mixed(batch_first: bool) -> None:
    layer = torch.nn.LSTM(4, 4, batch_first=batch_first)
    x = torch.randn(3, 6, 4, requires_grad=True)
    layer(x)[0][2].sum().backward()
    assert x.grad is not None
    assert bool(x.grad[0].any()) is not batch_first


# cost

WATCHED = ("shapecalc.source.spelling", "shapecalc.graph.remedy", "shapecalc.source.cut")


@pytest.mark.parametrize(
    ("layer", "loaded"), [("Linear: 3", False), ("Linear: {in_features: 5, out_features: 3}", True)]
)
def test_a_fix_is_made_only_where_a_mistake_is(layer: str, loaded: bool) -> None:
    text = spec(f"- {layer}", "[4]")
    code = f"""import sys, shapecalc
shapecalc.check_text({text!r})
print(any(name in sys.modules for name in {WATCHED}))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n"
