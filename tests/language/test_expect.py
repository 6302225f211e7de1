"""`expect` in every form: what holds passes in silence, and what does not is SC501 at its own place."""

from __future__ import annotations

import pytest

from tests import plain

from .twin import spec

NET = """
params: {c: 8, deep: false}
input: [3, 16, 16]
layers:
  a: {Conv2d: {out_channels: c, kernel_size: 3, stride: 2, padding: 1}}
  b: {Conv2d: {out_channels: 4, kernel_size: 3, padding: 1}, when: deep}
  flat: Flatten
  fc: {Linear: 10}
"""
# By hand: conv 3*8*9 + 8 = 224 on 8 x 8; linear 512*10 + 10 = 5130. MACs 216*64 + 5120 = 18944.
PARAMS, MACS = 224 + 5130, 216 * 64 + 5120


def found(expect: str, net: str = NET, params: dict[str, object] | None = None) -> list[tuple[str, str]]:
    """Code of each diagnostic, and the piece of text that it points at."""
    text = spec(net + expect)
    return [(d.code, text[d.start : d.end]) for d in plain.check_text(text, params=params or {}).diagnostics]


HOLDS = [
    "output: [10]",
    "output: [N, 10]",
    "output: [c + 2]",
    f"params: {PARAMS}",
    f"trainable_params: {PARAMS}",
    "params: 5.4k",
    "params: 5.35k",
    "params: 5k",
    "params: 0.005M",
    f"macs: {MACS}",
    "macs: 18.9k",
    f"flops: {2 * MACS}",
    'params: "<= 5.4k"',
    'params: ">= 5k"',
    'params: "< 5355"',
    'params: "> 5353"',
    f'params: ["> 5k", "< 6k", {PARAMS}]',
    "params: c * 3 * 9 + c + 64 * c * 10 + 10",
    'params: "<= c * 1000"',
    "receptive_field: 3",
    "receptive_field: [3, 3]",
    "{}",
]


@pytest.mark.parametrize("expect", HOLDS)
def test_what_holds_passes_in_silence(expect: str) -> None:
    assert found(f"expect: {{{expect}}}\n" if expect != "{}" else "expect: {}\n") == []


BROKEN = [
    ("output", "[11]"),
    ("output", "[10, 1]"),
    ("output", "[[10], [10]]"),
    ("params", "5353"),
    ("trainable_params", "1"),
    ("params", "5.3k"),
    ("params", "5.36k"),
    ("params", "6k"),
    ("macs", "18.8k"),
    ("flops", "18.9k"),
    ("params", '"<= 5.3k"'),
    ("params", '"> 5354"'),
    ("params", "c * 3 * 9"),
    ("receptive_field", "5"),
]


@pytest.mark.parametrize(("key", "value"), BROKEN)
def test_what_does_not_hold_is_an_error_at_its_value(key: str, value: str) -> None:
    text = spec(NET + f"expect: {{{key}: {value}}}\n")
    (problem,) = plain.check_text(text).diagnostics
    assert problem.code == "SC501"
    assert text[problem.start : problem.end].strip('"') == value.strip('"')
    assert key.replace("_", " ").split()[0] in problem.message


def test_a_message_states_what_is_and_what_is_expected() -> None:
    (problem,) = plain.check_text(spec(NET + "expect: {output: [11]}\n")).diagnostics
    assert "10" in problem.message
    assert "11" in problem.message
    (problem,) = plain.check_text(spec(NET + "expect: {params: 5000}\n")).diagnostics
    assert "5354" in problem.message.replace(",", "")
    assert "5000" in problem.message.replace(",", "")


def test_of_a_list_of_bounds_all_hold() -> None:
    assert found('expect: {params: ["> 5k", "< 5.2k"]}\n') in (
        [("SC501", '"< 5.2k"')],
        [("SC501", '["> 5k", "< 5.2k"]')],
    )


def test_each_broken_key_is_reported_once() -> None:
    assert [code for code, _ in found("expect: {params: 1, macs: 1, output: [10]}\n")] == ["SC501", "SC501"]


def test_binary_units_count_bytes() -> None:
    net = "input: [1, 32, 32]\nlayers: [Tanh, {Conv2d: {out_channels: 1, kernel_size: 1}}]\n"  # maps of 4,096 bytes
    for size in ("8 KiB", "8KiB", "8192", "8.2k", "8.19 k", "0.0078 MiB"):
        assert found(f"expect: {{peak_activation_bytes: {size}}}\n", net) == []
    assert found("expect: {peak_activation_bytes: 8k}\n", net) == []
    for size in ("8.0k", "9 KiB", "7.9 KiB"):
        assert [code for code, _ in found(f"expect: {{peak_activation_bytes: {size}}}\n", net)] == ["SC501"]


def test_cases_with_set_state_a_family() -> None:
    small = 224 + 5130
    wide = 16 * 27 + 16 + 10 * 1024 + 10
    deep = 224 + (8 * 4 * 9 + 4) + 256 * 10 + 10
    cases = (
        f"expect:\n  - {{params: {small}}}\n  - {{set: {{c: 16}}, params: {wide}}}\n"
        f"  - {{set: {{deep: true}}, params: {deep}}}\n"
    )
    assert found(cases) == []
    assert found(cases.replace(f"params: {wide}", "params: 7")) == [("SC501", "7")]


def test_a_case_that_cannot_be_built_is_broken() -> None:
    assert [code for code, _ in found("expect: [{set: {c: 0}, params: 1}]\n")] == ["SC501"]


def test_a_case_that_sets_an_unknown_param_is_an_error() -> None:
    text = spec(NET + "expect: [{set: {d: 4}, params: 1}]\n")
    (problem,) = plain.check_text(text).diagnostics
    assert (problem.code, text[problem.start : problem.end]) == ("SC119", "d")


def test_expectations_speak_of_the_defaults() -> None:
    assert found("expect: {params: 1}\n", params={"c": 16}) == [("SC502", "{params: 1}")]
    assert [code for code, _ in found("expect: {params: 1}\n", params={"c": 8})] == ["SC501"]


def test_the_note_that_expect_is_not_checked_is_no_failure() -> None:
    assert plain.check_text(spec(NET + "expect: {params: 1}\n"), params={"c": 16}).ok


SIZED = "input: [1, H, W]\nlayers: [{MaxPool2d: 4}, {Conv2d: {out_channels: 2, kernel_size: 3}}]\n"


def test_listed_sizes_must_work() -> None:
    assert found("expect: {sizes: {H: [12, 13, 64], W: [12]}}\n", SIZED) == []
    assert found("expect: {sizes: {H: [12, 11, 64]}}\n", SIZED) == [("SC501", "11")]


def test_sizes_of_no_symbol_are_an_error() -> None:
    assert found("expect: {sizes: {Q: [12]}}\n", SIZED) == [("SC119", "Q")]


def test_a_size_that_refutes_is_told_where_another_is_a_factor_of_both_sides() -> None:
    layer = "{Conv1d: {out_channels: 8, kernel_size: T - 2, bias: false}, expect: {params: C * 8}}"
    report = plain.check_text(spec(f"input: [C, T]\nlayers: [{layer}]\n"))
    assert [d.code for d in report.diagnostics] == ["SC501"]
    assert report.diagnostics[0].message.endswith("not for T = 4")


def test_an_expectation_may_speak_of_symbols() -> None:
    net = "input: [1, H, W]\nlayers: [{MaxPool2d: 4}]\n"
    assert found("expect: {output: [1, H // 4, W // 4]}\n", net) == []
    assert [code for code, _ in found("expect: {output: [1, H // 4, W // 2]}\n", net)] == ["SC501"]
    assert found("expect: {params: 0, macs: 0}\n", net) == []


LAYER = "input: [3, 16, 16]\nlayers:\n  - {Conv2d: {out_channels: 8, kernel_size: 3}, expect: {%s}}\n  - Flatten\n"


@pytest.mark.parametrize(
    "expect",
    ["shape: [8, 14, 14]", "shape: [N, 8, 14, 14]", "params: 224", "macs: 216 * 196", "receptive_field: 3",
     "shape: [8, 14, 14], params: 224, receptive_field: [3, 3]", 'params: "< 1k"'],
)  # fmt: skip
def test_what_stands_beside_a_layer_and_holds_passes(expect: str) -> None:
    assert found("", LAYER % expect) == []


@pytest.mark.parametrize("value", ["[8, 14, 15]", "[8, 14]"])
def test_what_stands_beside_a_layer_and_does_not_hold_names_the_layer(value: str) -> None:
    text = spec(LAYER % f"shape: {value}, params: 224")
    (problem,) = plain.check_text(text).diagnostics
    assert (problem.code, problem.layer, text[problem.start : problem.end]) == ("SC501", "0", value)


def test_an_expectation_of_a_sequence_covers_all_that_it_holds() -> None:
    net = (
        "input: [4]\nlayers:\n  a: {Sequential: [{Linear: 5}, {Linear: 6}], expect: {params: %d, shape: [6]}}\n"
        "  b: {Linear: 1}\n"
    )
    assert found("", net % (25 + 36)) == []
    assert found("", net % 25) == [("SC501", "25")]


def test_an_expectation_in_a_block_holds_for_every_use() -> None:
    net = """
blocks: {B: {params: {w: ~}, layers: {fc: {Linear: w, expect: {shape: [w], params: in_features * w + w}}}}}
input: [4]
layers: [{B: 3}, {B: 7}]
"""
    assert found("", net) == []
    (problem,) = plain.check_text(spec(net.replace("shape: [w]", "shape: [3]"))).diagnostics
    assert (problem.code, problem.layer, problem.trail) == ("SC501", "1.fc", ("block B",))


def test_a_broken_net_leaves_its_expectations_silent() -> None:
    assert [code for code, _ in found("expect: {output: [9], params: 1}\n", NET.replace("Flatten", "Flaten"))] == [
        "SC106"
    ]


def test_an_unknown_key_of_expect_is_named() -> None:
    text = spec(NET + "expect: {parms: 1}\n")
    (problem,) = plain.check_text(text).diagnostics
    assert (problem.code, text[problem.start : problem.end]) == ("SC103", "parms")
    assert "params" in problem.help


@pytest.mark.parametrize("key", ["params", "receptive_field", "set: {w", "sizes: {H"])
def test_a_number_that_cannot_be_read_is_told_once(key: str) -> None:
    end = "}" * key.count("{")
    net = "params: {w: 3}\ninput: [3, H, W]\nlayers: [{Conv2d: {out_channels: w, kernel_size: 1}}]\n"
    assert found(f"expect: {{{key}: {10**18}{end}, output: [3, H, W]}}\n", net) == [("SC008", str(10**18))]


def test_a_number_of_a_layer_that_cannot_be_read_is_told_once() -> None:
    net = f"input: [4]\nlayers:\n  a: {{Linear: 5, expect: {{params: {10**18}, shape: [6]}}}}\n"
    assert found("", net) == [("SC008", str(10**18)), ("SC501", "[6]")]
