"""Topics on parameters, work and memory of single layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapecalc.quiz import costly as slip
from shapecalc.quiz import wording
from shapecalc.quiz.cells import OUTPUT, WEIGHTS, BytesProblem
from shapecalc.quiz.problem import LayerProblem
from shapecalc.quiz.topic import Topic
from shapecalc.quiz.totals import TotalProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapecalc.explain.words import Words
    from shapecalc.quiz.draw import Draw
    from shapecalc.quiz.problem import Problem, Solved

WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256)

PARAMS = (slip.BIAS_FORGOTTEN, slip.BIAS_PER_WEIGHT, slip.BIAS_COUNTED, slip.FLAT_FILTERS, slip.KERNEL_ONCE,
          slip.ONE_BIAS, slip.BIAS_OF_INPUTS)  # fmt: skip
WORK = (slip.FLOPS_FOR_MACS, slip.MACS_FOR_FLOPS, slip.POSITIONS_FORGOTTEN, slip.INPUT_SIZE, slip.PARAMS_FOR_MACS,
        slip.FLAT_FILTERS, slip.KERNEL_ONCE, slip.BIAS_ADDED)  # fmt: skip


class Params(Topic):
    """Parameters of a layer: 1 convolutions, Linear, 2 without bias, transposed, Embedding, 3 rectangular."""

    name = "params"
    title = "Parameters"
    mistakes = (*PARAMS, slip.POSITIONS_COUNTED, slip.ADDED)

    def draw(self, draw: Draw, level: int) -> Problem:
        operator = draw.among(
            ["Conv2d", "Linear"] if level == 1 else ["Conv2d", "Linear", "ConvTranspose2d", "Embedding"]
        )
        return LayerProblem(_drawn(draw, level, operator), "layer", "params")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return cost_text("params", solved[""], say)


def _drawn(draw: Draw, level: int, operator: str) -> str:
    """A spec of one layer."""
    if operator == "Embedding":
        args = {"num_embeddings": draw.between(10, 500) * 10, "embedding_dim": draw.among(WIDTHS)}
        layer = f"{{num_embeddings: {args['num_embeddings']}, embedding_dim: {args['embedding_dim']}}}"
        shape = f"{{shape: [N, {draw.between(8, 64)}], dtype: int64}}"
        return f"shapecalc: 1\ninput: {shape}\nlayers:\n  layer: {{Embedding: {layer}}}\n"
    bias = {} if level == 1 or draw.between(0, 2) else {"bias": False}
    if operator == "Linear":
        given = {"out_features": draw.among([5, 10, 64, 100, 128, 512]), **bias}
        return wording.spec([draw.between(2, 128) * (4 if level == 1 else 16)], [("layer", operator, given)])
    kernel: Any = draw.among([3, 5, 7]) if level < 3 else [draw.among([1, 3, 5, 7]), draw.among([1, 3, 5])]
    args = {"out_channels": draw.among(WIDTHS), "kernel_size": kernel, **bias}
    channels = draw.among([1, 2, 3, 4, 8] if level == 1 else [3, *WIDTHS])
    return wording.spec([channels, draw.between(8, 64), draw.between(8, 64)], [("layer", operator, args)])


def cost_text(what: str, solved: Solved, say: Words) -> str:
    """What a single layer has or does."""
    assert solved.work is not None
    told = {
        "params": "How many parameters does {layer} have?",
        "buffers": "How many values do the buffers of {layer} hold, its counter of batches included?",
        "macs": "An input of {sizes} goes through {layer}. How many MACs is that for one sample?",
        "flops": "An input of {sizes} goes through {layer}. How many FLOPs is that for one sample, 2 to a MAC?",
    }[what]
    return say(told, layer=wording.code(solved.work.trace.plain_op), sizes=arriving(solved))


def arriving(solved: Solved) -> str:
    """The sizes of what arrives at the layer."""
    assert solved.work is not None
    wire = solved.work.node.inputs[0]
    return wording.sizes(wire.shape or ()) if wire is not None else ""


class Macs(Topic):
    """Work of a layer: 1 a convolution that keeps the size and Linear, 2 with strides, 3 in FLOPs."""

    name = "macs"
    title = "Multiply-accumulates and FLOPs"
    mistakes = WORK

    def draw(self, draw: Draw, level: int) -> Problem:
        what = "flops" if level == 3 else "macs"
        if draw.between(0, 3) == 0:
            return LayerProblem(_drawn(draw, level, "Linear"), "layer", what)
        kernel = draw.among([3, 5]) if level == 1 else draw.among([3, 5, 7, 11])
        args: dict[str, Any] = {"out_channels": draw.among([4, 8, 16, 32] if level == 1 else WIDTHS)}
        args |= {"kernel_size": kernel, "padding": kernel // 2}
        if level > 1:
            args["stride"] = draw.among([1, 2, 4])
        size = draw.among([8, 10, 12, 16] if level == 1 else [14, 28, 32, 56, 112, 224])
        spec = wording.spec([draw.among([1, 3, 4, 8, 16]), size, size], [("layer", "Conv2d", args)])
        return LayerProblem(spec, "layer", what)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return cost_text(str(problem.given()["what"]), solved[""], say)


class Groups(Topic):
    """1 parameters of a grouped convolution, 2 depthwise and its work, 3 a depthwise-separable pair."""

    name = "groups"
    title = "Grouped and depthwise convolutions"
    mistakes = (slip.GROUPS_IGNORED, slip.GROUPS_TWICE, *PARAMS, slip.POSITIONS_FORGOTTEN, slip.FLOPS_FOR_MACS,
                slip.INPUT_SIZE, slip.PARAMS_FOR_MACS, slip.LAST_ALONE)  # fmt: skip

    def draw(self, draw: Draw, level: int) -> Problem:
        size, kernel = draw.among([14, 28, 32, 56]), draw.among([3, 5, 7])
        channels = draw.among([8, 16, 24, 32, 48, 64, 96, 128])
        out = draw.among([16, 32, 64, 128, 256])
        args: dict[str, Any] = {"kernel_size": kernel, "padding": kernel // 2}
        depthwise = {"out_channels": channels, "groups": channels, **args}
        if level == 1:
            args |= {"out_channels": out, "groups": draw.among([2, 4, 8])}
            return LayerProblem(wording.spec([channels, size, size], [("layer", "Conv2d", args)]), "layer", "params")
        if level == 2:
            depthwise |= {"stride": draw.among([1, 2])}
            spec = wording.spec([channels, size, size], [("layer", "Conv2d", depthwise)])
            return LayerProblem(spec, "layer", draw.among(["params", "macs"]))
        bias = draw.among([{}, {"bias": False}])
        pointwise = {"out_channels": out, "kernel_size": 1, **bias}
        layers = [("depthwise", "Conv2d", {**depthwise, **bias}), ("pointwise", "Conv2d", pointwise)]
        return TotalProblem(wording.spec([channels, size, size], layers), draw.among(["params", "macs"]))

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        given = problem.given()
        if isinstance(problem, LayerProblem):
            return cost_text(problem.what, solved[""], say)
        return total_text(str(given["spec"]), str(given["total"]), say)


def total_text(spec: str, total: str, say: Words) -> str:
    """What several layers have or do together."""
    told = {
        "params": "An input of {sizes} goes through these layers. How many parameters do they have in all?",
        "macs": "An input of {sizes} goes through these layers. How many MACs is that in all for one sample?",
    }[total]
    sizes, layers = wording.listed(spec)
    return f"{say(told, sizes=sizes)}\n\n{layers}"


class BatchNorm(Topic):
    """1 parameters of a batch normalization, 2 its buffers, 3 behind a convolution."""

    name = "batch-norm"
    title = "Batch normalization"
    mistakes = (slip.STATISTICS_COUNTED, slip.SCALE_ONLY, slip.COUNTER_FORGOTTEN, slip.PARAMS_COUNTED, slip.MEAN_ONLY,
                slip.NORM_FORGOTTEN, slip.ONE_PAIR, slip.POINTS_NORMED, slip.BIAS_COUNTED)  # fmt: skip

    def draw(self, draw: Draw, level: int) -> Problem:
        channels, size = draw.between(4, 512), draw.between(4, 64)
        if level < 3:
            operator = draw.among(["BatchNorm2d", "BatchNorm2d", "BatchNorm1d"])
            sizes = [channels, size] if operator == "BatchNorm1d" else [channels, size, size]
            spec = wording.spec(sizes, [("norm", operator, {})])
            return LayerProblem(spec, "norm", "params" if level == 1 else "buffers")
        args = {"out_channels": channels, "kernel_size": draw.among([3, 5]), "bias": False}
        layers: list[tuple[str, str, Any]] = [("conv", "Conv2d", args), ("norm", "BatchNorm2d", {})]
        return TotalProblem(wording.spec([draw.among([3, 8, 16, 64]), size + 5, size + 5], layers), "params")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        if isinstance(problem, LayerProblem):
            return cost_text(problem.what, solved[""], say)
        return total_text(str(problem.given()["spec"]), "params", say)


class Attention(Topic):
    """Parameters: 1 of MultiheadAttention without bias, 2 with it, 3 of a TransformerEncoderLayer."""

    name = "attention"
    title = "Attention"
    mistakes = (slip.HEADS_COUNTED, slip.OUTPUT_FORGOTTEN, slip.ONE_HEAD, slip.SHARED_PROJECTION, slip.BIAS_FORGOTTEN,
                slip.FEED_FORWARD_FORGOTTEN, slip.NORMS_FORGOTTEN, slip.ATTENTION_FORGOTTEN)  # fmt: skip
    remarks = (
        "9*E: 4*E biases of the attention, E biases of the second Linear layer, 4*E of the two layer normalizations.",
    )

    def draw(self, draw: Draw, level: int) -> Problem:
        heads = draw.among([2, 4, 8, 12, 16] if level > 1 else [2, 3, 4, 6, 8])
        width = heads * (draw.between(2, 48) if level == 1 else draw.between(4, 48) * 2)
        args: dict[str, Any] = {"num_heads": heads}
        if level == 1:
            args["bias"] = False
        operator = "MultiheadAttention"
        if level == 3:
            operator = "TransformerEncoderLayer"
            args = {"nhead": heads, "dim_feedforward": width * draw.among([2, 3, 4])}
        args["batch_first"] = True
        return LayerProblem(wording.spec([draw.between(4, 64), width], [("layer", operator, args)]), "layer", "params")

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        return cost_text("params", solved[""], say)

    def remarked(self, solved: Solved) -> Sequence[str]:
        """The sum of an encoder layer has the like terms of its parts together."""
        return self.remarks if any("9*E" in w.formula for w in solved.workings) else ()


class Memory(Topic):
    """Bytes: 1 of a convolution's output for one sample, 2 for a batch, 3 also of parameters, and in float16."""

    name = "memory"
    title = "Memory"
    mistakes = (slip.BYTE_EACH, slip.OTHER_WIDTH, slip.BATCH_FORGOTTEN, slip.CHANNELS_FORGOTTEN, slip.BITS,
                slip.BYTES_BIAS_FORGOTTEN)  # fmt: skip

    def draw(self, draw: Draw, level: int) -> Problem:
        kernel = draw.among([3, 5, 7])
        args = {"out_channels": draw.among(WIDTHS), "kernel_size": kernel, "padding": kernel // 2}
        if level > 1:
            args["stride"] = draw.among([1, 2])
        size = draw.between(8, 32) if level == 1 else draw.among([28, 32, 56, 112, 224])
        spec = wording.spec([draw.among([1, 3, 16]), size, size], [("layer", "Conv2d", args)])
        what = draw.among([OUTPUT, WEIGHTS]) if level == 3 else OUTPUT
        dtype = draw.among(["float32", "float16"]) if level == 3 else "float32"
        batch = 1 if level == 1 or what == WEIGHTS else draw.among([4, 8, 16, 32, 64])
        return BytesProblem(spec, "layer", what, batch, dtype)

    def text(self, problem: Problem, solved: Mapping[str, Solved], say: Words) -> str:
        given = problem.given()
        told = {
            OUTPUT: "An input of {sizes} goes through {layer} in {dtype}, with a batch size of {batch}. "
            "How many bytes does the output take?",
            WEIGHTS: "How many bytes do the parameters of {layer} take in {dtype}?",
        }[str(given["what"])]
        assert solved[""].work is not None
        layer = wording.code(solved[""].work.trace.plain_op)
        return say(told, batch=given["batch"], sizes=arriving(solved[""]), layer=layer, dtype=f"`{given['dtype']}`")


ALL: Sequence[Topic] = (Params(), Macs(), Groups(), BatchNorm(), Attention(), Memory())
