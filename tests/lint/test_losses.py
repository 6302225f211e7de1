"""Rules on the end of a network and its loss: what they find, what they let pass, and that torch agrees."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shapecalc.lint.network import Network
from shapecalc.lint.plan import Plan
from shapecalc.pipeline import check_text

from .findings import found, mended, module, places, spec


def trained(loss: str, layers: str, input: str = "[16]") -> str:
    return spec(layers, input, more=f"train: {{{loss}}}\n")


def compared(loss: str, last: str, shape: str = "[]", dtype: str = "int64") -> str:
    """A network with its loss inside."""
    return (
        f"shapecalc: 1\nname: Net\ninput: {{x: [16], target: {{shape: {shape}, dtype: {dtype}}}}}\nlayers:\n"
        f"  fc: {{Linear: 10, from: x}}\n{f'  last: {last}{chr(10)}' if last else ''}"
        f"  loss: {{{loss}: , from: [{'last' if last else 'fc'}, target]}}\n"
    )


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("cross_entropy", "Softmax: 1"),
        ("CrossEntropyLoss", "LogSoftmax: 1"),
        ("CrossEntropy", "Sigmoid"),
        ("bce_with_logits", "Sigmoid"),
        ("binary_cross_entropy_with_logits", "Sigmoid"),
        ("BCEWithLogitsLoss", "Softmax: 1"),
        ("multilabel_soft_margin_loss", "Sigmoid"),
    ],
)
def test_a_softmax_before_a_loss_that_applies_its_own_is_found_and_taken_out(loss: str, last: str) -> None:
    text = trained(f"loss: {loss}", f"- Linear: 10\n- {last}")
    assert places(text, "SC302") == [(7, last.partition(":")[0])]
    assert mended(text) == trained(f"loss: {loss}", "- Linear: 10")


def test_the_flow_and_the_block_form_are_mended_alike() -> None:
    flow = trained("loss: cross_entropy", "head: [Linear: 10, {Softmax: {dim: 1}}]")
    assert mended(flow) == trained("loss: cross_entropy", "head: [Linear: 10]")
    block = trained("loss: cross_entropy", "fc: {Linear: 10}\nprob:\n  Softmax:\n    dim: 1")
    assert mended(block) == trained("loss: cross_entropy", "fc: {Linear: 10}")


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("cross_entropy", ""),
        ("nll_loss", "\n- LogSoftmax: 1"),
        ("bce", "\n- Sigmoid"),
        ("mse", "\n- Softmax: 1"),
        ("something_of_my_own", "\n- Softmax: 1"),
        ("cross_entropy", "\n- ReLU\n- Linear: 3"),
    ],
)
def test_losses_that_fit_are_let_pass(loss: str, last: str) -> None:
    text = trained(f"loss: {loss}", f"- Linear: 10{last}")
    assert not found(text, "SC302")
    assert not found(text, "SC602")


def test_a_softmax_over_another_axis_is_not_the_losss() -> None:
    layers = "- Conv1d: {{out_channels: 5, kernel_size: 1}}\n- Softmax: {}"
    assert not found(trained("loss: cross_entropy", layers.format(2), "[3, 7]"), "SC302")
    assert found(trained("loss: cross_entropy", layers.format(1), "[3, 7]"), "SC302")


@pytest.mark.parametrize(("loss", "last"), [("CrossEntropyLoss", "{Softmax: 1}"), ("CrossEntropyLoss", "Sigmoid")])
def test_a_loss_in_the_network_is_seen(loss: str, last: str) -> None:
    text = compared(loss, last)
    (finding,) = found(text, "SC302")
    assert finding.related
    assert not found(compared(loss, ""), "SC302")


def test_a_softmax_that_is_an_output_too_stays() -> None:
    text = compared("CrossEntropyLoss", "{Softmax: 1}") + "output: [last, loss]\n"
    (finding,) = found(text, "SC302")
    assert finding.fix is None


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_cross_entropy_of_probabilities_never_falls_below_the_bound_that_is_told(classes: int) -> None:
    (finding,) = found(trained("loss: cross_entropy", f"- Linear: {classes}\n- Softmax: 1"), "SC302")
    scores = torch.zeros(1, classes)
    scores[0, 0] = 1e6
    least = nn.CrossEntropyLoss()(scores.softmax(1), torch.tensor([0]))
    assert f"below {least:.2f}" in finding.message
    assert nn.CrossEntropyLoss()(scores, torch.tensor([0])) < 1e-6


@pytest.mark.parametrize("first", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("second", ["Softmax", "LogSoftmax"])
def test_softmax_of_softmax_is_found_and_what_stays_is_the_one_that_was_meant(first: str, second: str) -> None:
    text = spec(f"a: {{Linear: 10}}\nb: {{{first}: 1}}\nc: {{{second}: 1}}", "[16]")
    assert places(text, "SC303") == [(7, second)]
    left = mended(text)
    assert (first == second) == ("b:" in left)
    assert f"{second}: 1" in left
    x = torch.randn(5, 16)
    same = torch.allclose(module(left)(x), module(text)(x))
    (finding,) = found(text, "SC303")
    assert same == (first == "LogSoftmax") == ("does nothing" in finding.message)


def test_softmax_over_two_axes_is_let_pass() -> None:
    assert not found(spec("- Softmax: 1\n- Softmax: 2", "[3, 4]"), "SC303")
    assert not found(spec("- Softmax: 1\n- Linear: 4\n- Softmax: 1", "[3]"), "SC303")


def test_a_first_softmax_that_others_read_stays() -> None:
    text = spec("b: {Softmax: 1}\nc: {LogSoftmax: 1}", "[16]", more="output: [b, c]\n")
    (finding,) = found(text, "SC303")
    assert finding.fix is None


UNFIT = [
    ("cross_entropy", "- Linear: 1", "[16]"),
    ("nll_loss", "- Linear: 1", "[16]"),
    ("cross_entropy", "- Linear: 1\n- Flatten: 0", "[16]"),
    ("nll", "- Linear: 10", "[16]"),
    ("nll", "- Linear: 10\n- Softmax: 1", "[16]"),
    ("bce", "- Linear: 10", "[16]"),
    ("binary_cross_entropy", "- Linear: 10\n- ReLU", "[16]"),
    ("mse, dataset: mnist", "- Flatten\n- Linear: 10", "[1, 28, 28]"),
    ("cross_entropy, dataset: cifar100", "- Flatten\n- Linear: 10", "[3, 32, 32]"),
    ("cross_entropy, classes: 12", "- Linear: 10", "[16]"),
]


@pytest.mark.parametrize(("loss", "layers", "input"), UNFIT)
def test_a_loss_that_does_not_fit_is_told_at_its_name(loss: str, layers: str, input: str) -> None:
    assert places(trained(f"loss: {loss}", layers, input), "SC602") == [(4, loss.partition(",")[0])]


@pytest.mark.parametrize(
    ("loss", "layers", "input"),
    [
        ("bce_with_logits", "- Linear: 1", "[16]"),
        ("mse", "- Linear: 10", "[16]"),
        ("mse, dataset: mnist", "- Conv2d: {out_channels: 1, kernel_size: 3, padding: 1}", "[1, 28, 28]"),
        ("cross_entropy, dataset: mnist", "- Flatten\n- Linear: 10", "[1, 28, 28]"),
        ("cross_entropy, dataset: mnist", "- Flatten\n- Linear: 1000", "[1, 28, 28]"),
        ("cross_entropy, dataset: cifar100, classes: 10", "- Flatten\n- Linear: 10", "[3, 32, 32]"),
        ("cross_entropy, dataset: cifar100, classes: [cat, dog]", "- Flatten\n- Linear: 2", "[3, 32, 32]"),
        ("multi_margin_loss, dataset: mnist", "- Flatten\n- Linear: 10", "[1, 28, 28]"),
        ("cross_entropy", "- Conv2d: {out_channels: 21, kernel_size: 1}", "[3, H, W]"),
        ("cross_entropy", "- Linear: 10", "[C]"),
        ("nll", "- Linear: 10\n- Mul: 2", "[16]"),  # nobody knows the range
    ],
)
def test_what_fits_or_cannot_be_told_is_let_pass(loss: str, layers: str, input: str) -> None:
    assert not found(trained(f"loss: {loss}", layers, input), "SC602")


@pytest.mark.parametrize("last", ["", "{Softmax: 1}", "ReLU"])
def test_a_loss_in_the_network_wants_logarithms_too(last: str) -> None:
    assert found(compared("NLLLoss", last), "SC602")
    assert not found(compared("NLLLoss", "{LogSoftmax: 1}"), "SC602")


def test_torch_agrees_on_what_does_not_fit() -> None:
    one = torch.randn(4, 1)
    assert nn.CrossEntropyLoss()(one, torch.zeros(4, dtype=torch.long)) == 0
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.BCELoss()(torch.tensor([1.5]), torch.tensor([1.0]))
    with pytest.raises(IndexError, match="out of bounds"):
        nn.CrossEntropyLoss()(torch.randn(1, 10), torch.tensor([99]))
    assert nn.NLLLoss()(torch.randn(4, 3).softmax(1), torch.tensor([0, 1, 2, 0])) < 0


FUNCTIONS = {
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "cosine_embedding_loss": "CosineEmbeddingLoss",
    "cross_entropy": "CrossEntropyLoss",
    "ctc_loss": "CTCLoss",
    "gaussian_nll_loss": "GaussianNLLLoss",
    "hinge_embedding_loss": "HingeEmbeddingLoss",
    "huber_loss": "HuberLoss",
    "kl_div": "KLDivLoss",
    "l1_loss": "L1Loss",
    "margin_ranking_loss": "MarginRankingLoss",
    "mse_loss": "MSELoss",
    "multi_margin_loss": "MultiMarginLoss",
    "multilabel_margin_loss": "MultiLabelMarginLoss",
    "multilabel_soft_margin_loss": "MultiLabelSoftMarginLoss",
    "nll_loss": "NLLLoss",
    "poisson_nll_loss": "PoissonNLLLoss",
    "smooth_l1_loss": "SmoothL1Loss",
    "soft_margin_loss": "SoftMarginLoss",
    "triplet_margin_loss": "TripletMarginLoss",
}


def test_every_loss_function_of_torch_is_known_by_its_name() -> None:
    for function, name in FUNCTIONS.items():
        assert callable(getattr(nn.functional, function))
        plan = Plan(Network(check_text(trained(f"loss: {function}", "- Linear: 10"))))
        assert plan.loss is not None
        assert plan.loss.__name__ == name
        assert hasattr(nn, name)


@pytest.mark.parametrize("loss", ["relu", "linear", "[a, b]", "null", "3"])
def test_what_is_no_loss_is_none(loss: str) -> None:
    assert Plan(Network(check_text(trained(f"loss: {loss}", "- Linear: 10")))).loss is None


def test_the_samples_of_digits_are_those_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    from shapecalc.lint.plan import DATASETS

    digits = datasets.load_digits()
    assert DATASETS["digits"] == (len(digits.data), len(digits.target_names))
