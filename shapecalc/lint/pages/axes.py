"""Manual pages of axes, operands and values that do not agree: sizes, dtypes, dimension numbers. They check nothing."""

from __future__ import annotations

from shapecalc.lint.rule import Page


class UnequalSizes(Page):
    """operands differ in a size in which they must agree

    Why:
        A sum needs equal shapes, Cat equal ones but for the joined axis, a product equal inner sizes. A shortcut whose
        branch has a stride or other channels is the usual cause.

    Bad:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          - Residual:
              body:
                - Conv2d: {out_channels: 32, kernel_size: 3, stride: 2, padding: 1}

    Good:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          - Residual:
              body:
                - Conv2d: {out_channels: 32, kernel_size: 3, stride: 2, padding: 1}
              shortcut:
                - Conv2d: {out_channels: 32, kernel_size: 1, stride: 2}

    Limits:
        `Add`, `Sub` and `Residual` refuse broadcasting unless `broadcast: true` allows it, though torch would
        broadcast. Where a size is not known, what must hold becomes an assumption. The help traces each operand.
    """

    code = "SC211"


class WrongDtype(Page):
    """the input has the wrong dtype

    Why:
        Weights are floating-point numbers and so must be what meets them; an Embedding looks up integers. torch raises
        for the other kind.

    Bad:
        shapecalc: 1
        input: {shape: [16], dtype: int64}
        layers:
          - Linear: 10

    Good:
        shapecalc: 1
        input: {shape: [16], dtype: float32}
        layers:
          - Linear: 10

    Limits:
        Inputs are float32 unless their `dtype` says otherwise. Widths of floats are not mixed up: `--dtype` counts the
        whole network in another one.
    """

    code = "SC212"


class BadDimension(Page):
    """a dimension number is out of range

    Why:
        Dimensions count from 0, the batch, or from the end as -1. Of an input with r dimensions there are -r to r - 1;
        torch raises for another.

    Bad:
        shapecalc: 1
        input: [16, 64]
        layers:
          - Softmax: 3

    Good:
        shapecalc: 1
        input: [16, 64]
        layers:
          - Softmax: 2

    Limits:
        Whether the axis is the one that was meant is not known: the batch axis is in range too.
    """

    code = "SC213"


class IndivisibleSize(Page):
    """a size does not divide as the layer needs

    Why:
        PixelShuffle makes r * r channels into one map, GLU halves an axis, Split takes parts that must add up. With a
        remainder torch raises, or would give another number of parts than the spec names.

    Bad:
        shapecalc: 1
        input: [30, 16, 16]
        layers:
          - PixelShuffle: 2

    Good:
        shapecalc: 1
        input: [32, 16, 16]
        layers:
          - PixelShuffle: 2

    Limits:
        Groups and heads have codes of their own (SC204, SC205), a reshape SC210.
    """

    code = "SC214"


class BatchOutOfPlace(Page):
    """the batch dimension reaches an axis that is no batch axis

    Why:
        torch's LSTM, GRU, attention and Transformer take time first unless `batch_first: true`. Given [N, T, features]
        they run all the same and mix the samples of a batch as if they were steps of time: the shapes fit, and the
        network learns nonsense.

    Bad:
        shapecalc: 1
        input: [50, 16]
        layers:
          - LSTM: 32

    Good:
        shapecalc: 1
        input: [50, 16]
        layers:
          - LSTM: {hidden_size: 32, batch_first: true}

    Limits:
        The unsafe fix sets `batch_first`. The other remedy is an input with time first: `input: [T, N, 16]`. Other
        layers that mix samples (a Permute before Linear) are not told.
    """

    code = "SC215"


class PaddingTooLarge(Page):
    """padding is not smaller than the input, or leaves nothing of it

    Why:
        Reflection mirrors the map at its border and needs one line more than it pads; circular padding at most repeats
        the map once. Padding by a negative number, and the padding of a transposed convolution, cut lines off.

    Bad:
        shapecalc: 1
        input: [3, 4, 4]
        layers:
          - ReflectionPad2d: 4

    Good:
        shapecalc: 1
        input: [3, 4, 4]
        layers:
          - ReflectionPad2d: 3

    Limits:
        Padding with zeros or with the border's values has no upper bound. A convolution with `padding_mode: reflect` is
        held to the same.
    """

    code = "SC216"


class IndexOutOfRange(Page):
    """indices can exceed the size of the table

    Why:
        An Embedding of n rows has no row n. On a GPU an index beyond the table ends the process with an assertion that
        names no layer.

    Bad:
        shapecalc: 1
        input: {shape: [T], dtype: int64, below: 50257}
        layers:
          - Embedding: {num_embeddings: 50000, embedding_dim: 64}

    Good:
        shapecalc: 1
        input: {shape: [T], dtype: int64, below: 50257}
        layers:
          - Embedding: {num_embeddings: 50257, embedding_dim: 64}

    Limits:
        Judged where the input says what its values stay `below`; without that nothing is known of them. Negative values
        are not looked for. Select, Narrow and `padding_idx` are told by this code where their numbers are out of range.
    """

    code = "SC217"


class OneValuePerChannel(Page):
    """normalisation over a single value cannot be trained

    Why:
        InstanceNorm takes mean and variance over the places of one channel of one sample. Of one value the variance is
        0, and torch raises in training.

    Bad:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - AdaptiveAvgPool2d: 1
          - InstanceNorm2d

    Good:
        shapecalc: 1
        input: [64, 8, 8]
        layers:
          - InstanceNorm2d
          - AdaptiveAvgPool2d: 1

    Limits:
        Batch norm has the values of the whole batch: whether a batch of one is meant is told by SC601. Norms that torch
        computes all the same, though nothing but the bias comes out, are SC307.
    """

    code = "SC218"


PAGES = {
    page.code: page
    for page in (
        UnequalSizes,
        WrongDtype,
        BadDimension,
        IndivisibleSize,
        BatchOutOfPlace,
        PaddingTooLarge,
        IndexOutOfRange,
        OneValuePerChannel,
    )
}
