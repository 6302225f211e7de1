"""A second opinion on costs, fields and memory: torch's modules, and each mistake by plain arithmetic, from `given`.

`answer(given)` is torch's answer, `mistake(name, given)` what the named mistake leads to; for a table both take the
name of the cell. None where this module knows no answer.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
import yaml
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Given = dict[str, Any]


class Layer:
    """A torch module without storage, what it took and gave, and what torch's counter says of it."""

    def __init__(self, name: str, operator: str, args: dict[str, Any], x: torch.Tensor) -> None:
        self.name, self.operator, self.args = name, operator, args
        self.module = made(operator, args, x).eval()
        self.x = x
        with FlopCounterMode(display=False) as counter:
            attends = operator == "MultiheadAttention"
            self.y = self.module(x, x, x)[0] if attends else self.module(x)
        self.flops = counter.get_total_flops()

    @property
    def params(self) -> int:
        return sum(p.numel() for p in self.module.parameters())

    @property
    def buffers(self) -> int:
        return sum(b.numel() for b in self.module.buffers())

    def figure(self, what: str) -> Any:
        if what == "shape":
            return tuple(self.y.shape[1:])
        if what in ("height", "width"):
            return self.y.shape[-2 if what == "height" else -1]
        return {"params": self.params, "buffers": self.buffers, "macs": self.flops // 2, "flops": self.flops}[what]

    def pair(self, name: str, default: int) -> tuple[int, int]:
        value = self.args.get(name, default)
        return (value, value) if isinstance(value, int) else tuple(value)


def made(operator: str, args: dict[str, Any], x: torch.Tensor) -> nn.Module:
    args = {k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}
    first: dict[str, tuple[Any, ...]] = {
        "Linear": (x.shape[-1],),
        "MultiheadAttention": (x.shape[-1],),
        "TransformerEncoderLayer": (x.shape[-1],),
    }
    if operator.startswith(("Conv", "BatchNorm")):
        first[operator] = (x.shape[1],)
    with torch.device("meta"):
        found: nn.Module = getattr(nn, operator)(*first.get(operator, ()), **args)
    return found


def layers(spec: str, batch: int = 1) -> list[Layer]:
    data = yaml.safe_load(spec)
    entry, dtype = data["input"], torch.float32
    if isinstance(entry, dict):
        entry, dtype = entry["shape"][1:], getattr(torch, entry["dtype"])
    x = torch.empty(batch, *entry, dtype=dtype, device="meta")
    found = []
    for name, body in data["layers"].items():
        ((operator, args),) = body.items() if isinstance(body, dict) else ((body, {}),)
        found.append(Layer(name, operator, args, x))
        x = found[-1].y
    return found


def one(given: Given, batch: int = 1) -> Layer:
    return next(layer for layer in layers(given["spec"], batch) if layer.name == given["layer"])


def signed(given: Given) -> list[tuple[int, Layer]]:
    """The layers of a total, or of a difference, or the one."""
    if "layer" in given:
        return [(1, one(given))]
    others = layers(given["other"]) if "other" in given else []
    return [(1, layer) for layer in layers(given["spec"])] + [(-1, layer) for layer in others]


def cell(given: Given, ask: str) -> Given:
    """A cell of a table as a question of its own."""
    path, _, figure = ask.rpartition(".")
    return {"spec": given["spec"], "layer": path, "what": figure}


def figure_of(given: Given) -> str:
    return str(given.get("total", given.get("what", given.get("seen"))))


def answer(given: Given, ask: str = "") -> Any:
    """Torch's answer."""
    if "layers" in given:
        return answer(cell(given, ask))
    if "seen" in given:
        return probed(given)
    if "dtype" in given:
        layer = one(given, given["batch"])
        count = layer.y.numel() if given["what"] == "bytes" else layer.params
        return count * torch.empty(0, dtype=getattr(torch, given["dtype"])).element_size()
    return sum_or_one(given)


def sum_or_one(given: Given) -> Any:
    what = figure_of(given)
    if "layer" in given:
        return one(given).figure(what)
    return sum(sign * layer.figure(what) for sign, layer in signed(given))


def chain(given: Given) -> list[Layer]:
    found = []
    for layer in layers(given["spec"]):
        found.append(layer)
        if layer.name == given["layer"]:
            return found
    raise KeyError(given["layer"])


def probed(given: Given) -> int:
    """Which positions reach a value, by following them back one by one; no recurrence of fields is used."""
    links = [(x.pair("kernel_size", 1)[0], x.pair("stride", 1)[0], x.pair("dilation", 1)[0], x.pair("padding", 0)[0])
             for x in chain(given)]  # fmt: skip

    def back(position: int) -> set[int]:
        reached = {position}
        for k, s, d, p in reversed(links):
            reached = {y * s - p + n * d for y in reached for n in range(k)}
        return reached

    first, second = back(0), back(1)
    return max(first) - min(first) + 1 if given["seen"] == "field" else min(second) - min(first)


# Mistakes


def mistake(name: str, given: Given, ask: str = "") -> Any:
    """What the named mistake leads to; None for a name of another's."""
    if "layers" in given:
        return mistake(name, cell(given, ask))
    if name in FIELDS:
        return mistaken_field(name, given)
    if name in BYTES:
        return BYTES[name](given)
    if name in WHOLE:
        return WHOLE[name](given)
    if name in AXIS and figure_of(given) in ("shape", "height", "width"):
        return mistaken_axes(name, given)
    if name not in LAYERS:
        return None
    return sum(sign * LAYERS[name](layer, figure_of(given)) for sign, layer in signed(given))


FIELDS = ("own-stride", "product-forgotten", "strides-ignored", "strides-added", "whole-kernel", "dilation-ignored")


def mistaken_field(name: str, given: Given) -> int:
    field = jump = 1
    for layer in chain(given):
        k, s, d = (layer.pair(word, 1)[0] for word in ("kernel_size", "stride", "dilation"))
        after = {"product-forgotten": s, "strides-ignored": 1, "strides-added": jump + s - 1}.get(name, jump * s)
        step = {"own-stride": jump * s, "strides-ignored": 1}.get(name, jump)
        spread = {"whole-kernel": d * k, "dilation-ignored": k - 1}.get(name, d * (k - 1))
        field, jump = field + spread * step, after
    return field if given["seen"] == "field" else jump


def size_of(given: Given) -> int:
    return 2 if given["dtype"] == "float16" else 4


BYTES: dict[str, Any] = {
    "byte-each": lambda g: answer(g) // size_of(g),
    "other-width": lambda g: answer(g) // size_of(g) * (6 - size_of(g)),
    "bits": lambda g: answer(g) * 8,
    "batch-forgotten": lambda g: answer({**g, "batch": 1}),
    "channels-forgotten": lambda g: g["batch"] * prod(one(g).y.shape[2:]) * size_of(g),
    "bytes-bias-forgotten": lambda g: Kernel(one(g)).weights * size_of(g),
}


def side(given: Given, wanted: int) -> int:
    what = figure_of(given)
    return sum(layer.figure(what) for sign, layer in signed(given) if sign == wanted)


WHOLE: dict[str, Any] = {
    "difference-forgotten": lambda g: side(g, 1),
    "other-alone": lambda g: side(g, -1),
    "one-taken": lambda g: side(g, 1) - next(x.figure(figure_of(g)) for s, x in signed(g) if s < 0),
    "last-alone": lambda g: signed(g)[-1][1].figure(figure_of(g)),
}

AXIS = ("no-plus-one", "rounded-up", "padding-once", "padding-forgotten", "stride-forgotten", "dilation-forgotten",
        "kernel-steps", "size-kept")  # fmt: skip


def mistaken_axes(name: str, given: Given) -> Any:
    layer = one(given)
    sizes = [mistaken_size(name, layer, axis) for axis in (0, 1)]
    return {"shape": (layer.y.shape[1], *sizes), "height": sizes[0], "width": sizes[1]}[figure_of(given)]


def mistaken_size(name: str, layer: Layer, axis: int) -> int:
    i = layer.x.shape[2 + axis]
    k = layer.pair("kernel_size", 1)[axis]
    pools = "Pool" in layer.operator
    s = layer.pair("stride", k if pools else 1)[axis]
    p, d = layer.pair("padding", 0)[axis], layer.pair("dilation", 1)[axis]
    k, s, p, d = {
        "padding-forgotten": (k, s, 0, d),
        "stride-forgotten": (k, 1, p, d),
        "dilation-forgotten": (k, s, p, 1),
        "kernel-steps": (k, k, p, d),
        "size-kept": (1, s, p, d),
    }.get(name, (k, s, p, d))
    room = i + (p if name == "padding-once" else 2 * p) - (d * (k - 1) + 1)
    if name == "rounded-up":
        return -(-room // s) + 1
    return room // s + (name != "no-plus-one")


class Kernel:
    """Numbers of a convolution, transposed ones with their roles turned, or of a Linear as a 1x1 one."""

    def __init__(self, layer: Layer) -> None:
        module: Any = layer.module
        self.weights: int = module.weight.numel()
        convolves = layer.operator.startswith("Conv")
        self.kh, self.kw = layer.pair("kernel_size", 1) if convolves else (1, 1)
        self.out = module.out_channels if convolves else module.out_features
        self.entries = module.in_channels if convolves else module.in_features
        self.groups = module.groups if convolves else 1
        self.bias = module.bias is not None
        self.sites = prod(layer.y.shape[2:]) if convolves else 1
        self.arriving = prod(layer.x.shape[2:]) if convolves else 1
        self.transposed = "Transpose" in layer.operator
        self.biases = self.out * self.bias


def is_kernel(layer: Layer) -> bool:
    return layer.operator.startswith("Conv") or layer.operator == "Linear"


def of_kernel(rule: Any) -> Any:
    """A mistake about convolutions and Linear; other layers keep their figure."""
    return lambda layer, what: rule(Kernel(layer), what, layer) if is_kernel(layer) else layer.figure(what)


def costed(weights: int, biases: int, k: Kernel, what: str) -> int:
    if what == "params":
        return weights + biases
    return weights * (k.arriving if k.transposed else k.sites) * (2 if what == "flops" else 1)


def flat(k: Kernel, what: str, layer: Layer) -> int:
    if layer.operator == "Linear":
        return layer.figure(what)  # type: ignore[no-any-return]
    filters = k.out // k.groups if k.transposed else k.out
    return costed(filters * k.kh * k.kw, k.biases, k, what)


def bias_forgotten(layer: Layer, what: str) -> int:
    if layer.operator.startswith("BatchNorm"):
        return layer.params
    biases = sum(p.numel() for name, p in layer.module.named_parameters() if name.endswith("bias"))
    return layer.params - biases


def bias_counted(layer: Layer, what: str) -> int:
    if layer.operator == "Embedding":
        return layer.params + layer.args["embedding_dim"]  # type: ignore[no-any-return]
    return Kernel(layer).weights + Kernel(layer).out if is_kernel(layer) else layer.params


def of_norm(rule: Any) -> Any:
    return lambda layer, what: rule(layer.x.shape[1], prod(layer.y.shape[2:])) if layer.buffers else layer.figure(what)


def attention_width(layer: Layer) -> tuple[int, int]:
    return layer.x.shape[-1], layer.args.get("num_heads") or layer.args["nhead"]


def projections(layer: Layer, rule: Any) -> int:
    """Parameters with other projections' weights than 4*E*E."""
    width, heads = attention_width(layer)
    return layer.params - 4 * width * width + rule(width, heads)  # type: ignore[no-any-return]


def output_forgotten(layer: Layer, what: str) -> int:
    width, _ = attention_width(layer)
    return layer.params - width * width - width * layer.args.get("bias", True)  # type: ignore[no-any-return]


def hidden(layer: Layer) -> tuple[int, int]:
    return layer.x.shape[-1], layer.args["dim_feedforward"]


LAYERS: dict[str, Any] = {
    "bias-forgotten": bias_forgotten,
    "bias-counted": bias_counted,
    "bias-per-weight": of_kernel(lambda k, what, x: k.weights * (1 + k.bias)),
    "bias-of-inputs": of_kernel(lambda k, what, x: k.weights + k.entries * k.bias),
    "one-bias": of_kernel(lambda k, what, x: k.weights + k.bias),
    "flat-filters": of_kernel(flat),
    "kernel-once": of_kernel(lambda k, what, x: costed(k.weights // k.kw, k.biases, k, what)),
    "positions-counted": of_kernel(lambda k, what, x: x.params * k.sites),
    "positions-forgotten": of_kernel(lambda k, what, x: k.weights * (2 if what == "flops" else 1)),
    "input-size": of_kernel(lambda k, what, x: k.weights * k.arriving * (2 if what == "flops" else 1)),
    "params-for-macs": lambda layer, what: layer.params,
    "bias-added": of_kernel(lambda k, what, x: k.weights * k.sites + k.biases * k.sites),
    "flops-for-macs": lambda layer, what: layer.flops,
    "macs-for-flops": lambda layer, what: layer.flops // 2,
    "groups-ignored": of_kernel(lambda k, what, x: costed(k.weights * k.groups, k.biases, k, what)),
    "groups-twice": of_kernel(lambda k, what, x: costed(k.weights // k.groups, k.biases, k, what)),
    "added": lambda layer, what: sum(layer.module.weight.shape),
    "statistics-counted": of_norm(lambda c, n: 4 * c),
    "scale-only": of_norm(lambda c, n: c),
    "one-pair": of_norm(lambda c, n: 2),
    "norm-forgotten": of_norm(lambda c, n: 0),
    "counter-forgotten": of_norm(lambda c, n: 2 * c),
    "params-counted": of_norm(lambda c, n: 4 * c + 1),
    "mean-only": of_norm(lambda c, n: c + 1),
    "points-normed": of_norm(lambda c, n: 2 * c * n),
    "heads-counted": lambda layer, what: layer.params * attention_width(layer)[1],
    "one-head": lambda layer, what: projections(layer, lambda e, h: 4 * e * e // h),
    "shared-projection": lambda layer, what: projections(layer, lambda e, h: 2 * e * e),
    "output-forgotten": output_forgotten,
    "feed-forward-forgotten": lambda layer, what: layer.params - sum(2 * e * f + f + e for e, f in [hidden(layer)]),
    "norms-forgotten": lambda layer, what: layer.params - 4 * hidden(layer)[0],
    "attention-forgotten": lambda layer, what: layer.params - sum(4 * e * e + 4 * e for e, _ in [hidden(layer)]),
}
