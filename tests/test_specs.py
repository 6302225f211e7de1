"""The specs of the repository against torch and torchvision: keys, shapes, outputs, costs and smallest inputs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import shapecalc
from tests import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

torch = pytest.importorskip("torch")

SPECS = Path(__file__).parent.parent / "specs"
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))
SIZES = {"unet": {"H": 48, "W": 32}, "char_gpt": {"T": 24}}
"""Sizes for the symbols of an input, where a real tensor is due."""
HEAVY = {"unet_valid"}
"""150 GMACs: their forward pass is run on the meta device only."""

TORCHVISION = [
    ("alexnet", "alexnet", {}),
    ("vgg11", "vgg", {"depth": 11}),
    ("vgg13", "vgg", {"depth": 13}),
    ("vgg16", "vgg", {"depth": 16}),
    ("vgg19", "vgg", {"depth": 19}),
    ("vgg11_bn", "vgg", {"depth": 11, "norm": True}),
    ("vgg13_bn", "vgg", {"depth": 13, "norm": True}),
    ("vgg16_bn", "vgg", {"depth": 16, "norm": True}),
    ("vgg19_bn", "vgg", {"depth": 19, "norm": True}),
    ("squeezenet1_0", "squeezenet", {"version": 1.0}),
    ("squeezenet1_1", "squeezenet", {"version": 1.1}),
    ("googlenet", "googlenet", {}),
    ("resnet18", "resnet_basic", {"depth": 18}),
    ("resnet34", "resnet_basic", {"depth": 34}),
    ("resnet50", "resnet_bottleneck", {"depth": 50}),
    ("resnet101", "resnet_bottleneck", {"depth": 101}),
    ("resnet152", "resnet_bottleneck", {"depth": 152}),
    ("densenet121", "densenet121", {}),
    ("mobilenet_v2", "mobilenet_v2", {}),
    ("vit_b_16", "vit_b_16", {}),
]


def over(cases: list[tuple[str, str, dict[str, Any]]]) -> Any:
    return pytest.mark.parametrize(("model", "spec", "params"), cases, ids=[model for model, _, _ in cases])


EVERY_TORCHVISION = over(TORCHVISION)
EVERY_SPEC = pytest.mark.parametrize("name", NAMES)
RUN = {
    "alexnet",
    "vgg11",
    "squeezenet1_0",
    "squeezenet1_1",
    "googlenet",
    "resnet18",
    "resnet50",
    "densenet121",
    "mobilenet_v2",
    "vit_b_16",
}
"""Torchvision's networks whose outputs are computed; the others differ from one of these in depth alone."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tests run side by side already."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def torchvision_models() -> Any:
    """torchvision.models; the CUDA wheel imports on CPU torch once two operators of its own are declared."""
    nms = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for operator in ("torchvision::nms", "torchvision::qnms"):
        if not hasattr(torch.ops.torchvision, operator.split("::")[1]):
            torch.library.define(operator, nms)
    try:
        import torchvision.models
    except Exception as error:  # a wheel for another torch fails in many ways
        pytest.skip(f"torchvision cannot be imported: {error}")
    return torchvision.models


def torchvision_model(model: str) -> Any:
    extra = {"aux_logits": False, "init_weights": False} if model == "googlenet" else {}
    return torchvision_models().get_model(model, weights=None, **extra)


@cache
def report_of(name: str) -> Any:
    return plain.check(str(SPECS / f"{name}.yaml"))


def bound_report(name: str) -> Any:
    return plain.check(str(SPECS / f"{name}.yaml"), params=SIZES.get(name, {}))


def inputs_of(report: Any, device: str) -> list[Any]:
    """One random batch of 1 for each input; integers for indices."""
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randint(0, 60, shape, generator=generator).to(device)
        if dtype == "int64"
        else torch.randn(shape, generator=generator).to(device)
        for shape, dtype in ((with_batch_of_one(w.shape), w.dtype) for w in report.graph.inputs)
    ]


def with_batch_of_one(shape: Any) -> tuple[int, ...]:
    return tuple(1 if str(size) == "N" else int(size) for size in shape)


def shapes_of(state: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, tuple(value.shape)) for key, value in state.items()]


def built_on_meta(report: Any) -> Any:
    with torch.device("meta"):
        return shapecalc.build(report).eval()


# every spec


@EVERY_SPEC
def test_every_spec_checks_without_a_diagnostic(name: str) -> None:
    assert [f"{d.code} {d.message}" for d in report_of(name).diagnostics] == []


@EVERY_SPEC
def test_the_built_module_has_the_keys_and_shapes_of_the_report(name: str) -> None:
    report = bound_report(name)
    assert shapes_of(built_on_meta(report).state_dict()) == list(report.state_dict().items())


@EVERY_SPEC
def test_the_built_module_has_the_params_of_the_report(name: str) -> None:
    report = bound_report(name)
    assert sum(p.numel() for p in built_on_meta(report).parameters()) == report.totals.params


@EVERY_SPEC
def test_a_forward_pass_gives_the_shapes_of_every_layer(name: str) -> None:
    report = bound_report(name)
    device = "meta" if name in HEAVY else "cpu"
    module = built_on_meta(report)
    module = module if device == "meta" else module.to_empty(device=device)
    seen = watched(module)
    with torch.inference_mode():
        outputs = module(*inputs_of(report, device))
    assert tensor_shapes(outputs) == [with_batch_of_one(w.shape) for w in report.graph.outputs]
    layers = {layer.path: layer for layer in report.layers if layer.path in seen}
    assert {path: seen[path] for path in layers} == {path: expected_shapes(x) for path, x in layers.items()}
    assert {layer.path for layer in report.layers if layer.node.op.module} <= seen.keys() | shared(report)


def watched(module: Any) -> dict[str, list[tuple[int, ...]]]:
    """The shapes of what each module inside will give, by its path: filled by the forward pass that follows."""
    seen: dict[str, list[tuple[int, ...]]] = {}

    def note(path: str, out: Any) -> None:
        seen[path] = tensor_shapes(out)

    for path, child in module.named_modules():
        child.register_forward_hook(lambda _, args, out, path=path: note(path, out))
    return seen


def tensor_shapes(out: Any) -> list[tuple[int, ...]]:
    values = out if isinstance(out, tuple) else (out,)
    return [tuple(value.shape) for value in values if value is not None]


def expected_shapes(layer: Any) -> list[tuple[int, ...]]:
    return [with_batch_of_one(shape) for shape in layer.output_shapes]


def shared(report: Any) -> set[str]:
    """Paths of layers that call another layer's module."""
    return {layer.path for layer in report.layers if layer.node.owner is not layer.node}


@EVERY_SPEC
def test_flops_are_those_of_torchs_counter(name: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    report = bound_report(name)
    module = built_on_meta(report)
    with FlopCounterMode(display=False) as counter:
        module(*inputs_of(report, "meta"))
    assert counter.get_total_flops() == report.totals.flops


# against torchvision


@EVERY_TORCHVISION
def test_keys_and_shapes_are_torchvisions(model: str, spec: str, params: dict[str, Any]) -> None:
    report = plain.check(str(SPECS / f"{spec}.yaml"), params=params)
    torchvision_models()
    with torch.device("meta"):
        theirs = torchvision_model(model)
    assert list(report.state_dict().items()) == shapes_of(theirs.state_dict())


@EVERY_TORCHVISION
def test_totals_are_those_that_torchvision_publishes(model: str, spec: str, params: dict[str, Any]) -> None:
    totals = plain.check(str(SPECS / f"{spec}.yaml"), params=params).totals
    meta = next(iter(torchvision_models().get_model_weights(model))).meta
    assert totals.params == meta["num_params"]
    assert round(totals.macs / 1e9, 3) == meta["_ops"]


@over([case for case in TORCHVISION if case[0] in RUN])
def test_outputs_are_torchvisions_bit_for_bit(model: str, spec: str, params: dict[str, Any]) -> None:
    torchvision_models()
    torch.manual_seed(3)
    theirs = torchvision_model(model).eval()
    stir(theirs)
    report = plain.check(str(SPECS / f"{spec}.yaml"), params=params)
    ours = built_on_meta(report)
    ours.load_state_dict(theirs.state_dict(), assign=True)
    x = 10 * inputs_of(report, "cpu")[0]  # large, or no value would reach the 6 of a ReLU6
    with torch.inference_mode():
        wanted, got = theirs(x), ours(x)
    assert wanted.std() > 0
    assert torch.equal(got, wanted)


def stir(module: Any) -> None:
    """Fresh running statistics of 0 and 1, or a head of zeros, would hide a fault before them."""
    for parameter in module.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0, 0.1)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)


# against formulas written out by hand, where torchvision has no such network


def random_module(report: Any) -> Any:
    """The module of a report with all its tensors drawn at random, norms included."""
    torch.manual_seed(5)
    module = shapecalc.build(report).eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            fan_in = tensor[0].numel() if tensor.dim() > 1 else 4
            tensor.uniform_(0.5, 1.5) if "var" in name else tensor.normal_(0, (2 / fan_in) ** 0.5)
    return module


def gpt(p: dict[str, Any], tokens: Any, heads: int, depth: int) -> Any:
    """nanoGPT's forward pass without biases and dropout."""
    functional = torch.nn.functional
    x = p["transformer.wte.weight"][tokens] + p["transformer.wpe.weight"][: tokens.shape[1]]
    n, t, width = x.shape
    hidden = torch.ones(t, t).triu(1).bool()
    for i in range(depth):
        layer = {k.split(".", 3)[3]: v for k, v in p.items() if k.startswith(f"transformer.h.{i}.")}
        normed = functional.layer_norm(x, (width,), layer["ln_1.weight"])
        q, k, v = (
            part.view(n, t, heads, width // heads).transpose(1, 2)
            for part in (normed @ layer["attn.c_attn.weight"].T).split(width, 2)
        )
        scores = (q @ k.transpose(2, 3) / (width // heads) ** 0.5).masked_fill(hidden, float("-inf"))
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, width)
        x = x + mixed @ layer["attn.c_proj.weight"].T
        normed = functional.layer_norm(x, (width,), layer["ln_2.weight"])
        x = x + functional.gelu(normed @ layer["mlp.c_fc.weight"].T) @ layer["mlp.c_proj.weight"].T
    return functional.layer_norm(x, (width,), p["transformer.ln_f.weight"]) @ p["transformer.wte.weight"].T


def test_the_gpt_computes_what_nanogpt_computes() -> None:
    report = plain.check(str(SPECS / "char_gpt.yaml"), params={"depth": 2, "T": 24})
    module = random_module(report)
    (tokens,) = inputs_of(report, "cpu")
    with torch.inference_mode():
        wanted = gpt(module.state_dict(), tokens, heads=6, depth=2)
        assert wanted.std() > 0.1
        torch.testing.assert_close(module(tokens), wanted, rtol=1e-4, atol=1e-4)


def unet(x: Any, double: Callable[[str, Any], Any], up: Callable[[str, Any], Any], names: dict[str, list[str]]) -> Any:
    """U-shaped: the skips wait on a stack, cropped around their centre, and stand before what comes from below."""
    pool = torch.nn.functional.max_pool2d
    skips: list[Any] = []
    for i, name in enumerate(names["down"]):
        x = double(name, pool(x, 2) if i else x)
        skips.append(x)
    skips.pop()
    for name in names["up"]:
        x, skip = up(name, x), skips.pop()
        margin = (skip.shape[2] - x.shape[2]) // 2
        skip = skip[:, :, margin : margin + x.shape[2], margin : margin + x.shape[3]]
        x = double(f"{name}.conv", torch.cat([skip, x], 1))
    return x


def test_the_unet_computes_a_unet() -> None:
    report = plain.check(str(SPECS / "unet.yaml"), params={"width": 4, "H": 32, "W": 48})
    module = random_module(report)
    p = module.state_dict()
    functional = torch.nn.functional

    def double(name: str, x: Any) -> Any:
        for i in (0, 3):
            norm = f"{name}.double_conv.{i + 1}"
            x = functional.conv2d(x, p[f"{name}.double_conv.{i}.weight"], padding=1)
            given = (p[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
            x = functional.relu(functional.batch_norm(x, *given))
        return x

    def up(name: str, x: Any) -> Any:
        return functional.conv_transpose2d(x, p[f"{name}.up.weight"], p[f"{name}.up.bias"], stride=2)

    down = ["inc", *(f"down{i}.maxpool_conv.1" for i in range(1, 5))]
    (x,) = inputs_of(report, "cpu")
    with torch.inference_mode():
        wanted = unet(x, double, up, {"down": down, "up": ["up1", "up2", "up3", "up4"]})
        wanted = functional.conv2d(wanted, p["outc.conv.weight"], p["outc.conv.bias"])
        assert wanted.std() > 0.1
        torch.testing.assert_close(module(x), wanted, rtol=1e-4, atol=1e-4)


# any input size


def symbolic(name: str, params: dict[str, Any] | None = None) -> Any:
    """The report of a spec whose input is [3, H, W]; what it expects of 224 x 224 is left out."""
    text = (SPECS / f"{name}.yaml").read_text().replace("[3, 224, 224]", "[3, H, W]")
    assert "[3, H, W]" in text
    return plain.check_text(text[: text.index("\nexpect:") + 1], params=params or {})


@pytest.mark.parametrize(
    ("name", "layer", "height"),
    [
        ("alexnet", "features.12", "(H + 1)//32 - 1"),
        ("squeezenet", "classifier.2", "(H + 11)//16 - 1"),
        ("resnet_basic", "layer4.1.relu2", "(H + 31)//32"),
        ("resnet_bottleneck", "layer4.2.relu3", "(H + 31)//32"),
        ("unet", "down4.maxpool_conv.1.double_conv.5", "H//16"),
    ],
)
def test_a_symbolic_height_comes_out_as_one_floor(name: str, layer: str, height: str) -> None:
    """The closed forms worked out by hand from the chain of convolutions and pools."""
    (shape,) = symbolic(name).layer(layer).output_shapes
    assert str(shape[2]) == height
    assert str(shape[3]) == height.replace("H", "W")


@over([case for case in TORCHVISION if case[0] != "vit_b_16"])  # its learned positions fix its one size
def test_the_smallest_input_is_the_one_that_torchvision_documents(
    model: str, spec: str, params: dict[str, Any]
) -> None:
    report = symbolic(spec, params)
    assert report.ok
    smallest = {c["symbol"]: c["min"] for c in report.to_dict()["constraints"]}
    meta = next(iter(torchvision_models().get_model_weights(model))).meta
    assert (smallest.get("H", 1), smallest.get("W", 1)) == meta["min_size"]


def test_a_unet_takes_multiples_of_16() -> None:
    report = report_of("unet")
    assert [str(size) for size in report.layers[-1].output_shapes[0][2:]] == ["H", "W"]
    assert {(c["symbol"], c["modulus"], tuple(c["residues"])) for c in report.to_dict()["constraints"]} == {
        ("H", 16, (0,)),
        ("W", 16, (0,)),
    }


def test_a_unet_without_padding_loses_184_positions_and_keeps_to_a_grid_of_16() -> None:
    """572 gives 388 (Ronneberger et al. 2015); 16*((H + 4)//16) - 188 in general, where the crops fit."""
    text = (SPECS / "unet_valid.yaml").read_text().replace("[1, 572, 572]", "[1, H, W]")
    text = "\n".join(line.split(", expect:")[0] + "}" * (", expect:" in line) for line in text.splitlines())
    report = plain.check_text(text[: text.index("\nexpect:") + 1])
    assert report.ok
    (shape,) = report.layers[-1].output_shapes
    assert str(shape[2]) in ("16*((H + 4)//16) - 188", "H - 184")
    constraint = report.to_dict()["constraints"][0]
    assert (constraint["modulus"], constraint["residues"]) == (16, [12])
