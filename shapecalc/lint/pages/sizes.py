"""Manual pages of sizes that a layer's arguments do not allow: windows, channels, groups. They check nothing."""

from __future__ import annotations

from shapecalc.lint.rule import Page


class KernelDoesNotFit(Page):
    """the window is larger than the padded input

    Why:
        A window of extent `dilation * (kernel_size - 1) + 1` must fit at least once into the input with its padding;
        else there is no output, and torch raises. Often the map has been halved once too often before.

    Bad:
        shapecalc: 1
        input: [3, 28, 28]
        layers:
          - MaxPool2d: 2
          - MaxPool2d: 2
          - MaxPool2d: 2
          - Conv2d: {out_channels: 16, kernel_size: 5}

    Good:
        shapecalc: 1
        input: [3, 28, 28]
        layers:
          - MaxPool2d: 2
          - MaxPool2d: 2
          - Conv2d: {out_channels: 16, kernel_size: 5}

    Limits:
        The message has extent and size; the help says which layers brought the size there, and what input would do. For
        sizes that are not known, the sizes that would work are told as an assumption instead.
    """

    code = "SC201"


class ChannelMismatch(Page):
    """the channels that arrive are not those that the layer is declared for

    Why:
        `in_channels` and `num_features` are inferred where absent. Where they are written they are a promise, and torch
        raises in the first forward pass if another number arrives.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - ReLU
          - Conv2d: {in_channels: 32, out_channels: 64, kernel_size: 3}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - ReLU
          - Conv2d: {in_channels: 16, out_channels: 64, kernel_size: 3}

    Limits:
        The unsafe fix writes the number that arrives; the mistake may as well be in the layer before. No fix is given
        in loops and blocks, where one text makes several layers. Channels that operands of a merge disagree in are
        SC211.
    """

    code = "SC202"


class FeatureMismatch(Page):
    """the features that arrive are not those that the layer is declared for

    Why:
        `in_features`, `input_size` and `embed_dim` are the size of the last axis. After Flatten that is channels times
        height times width, which is easily wrong once a padding or an input size has changed.

    Bad:
        shapecalc: 1
        input: [32, 14, 14]
        layers:
          - MaxPool2d: 2
          - Flatten
          - Linear: {in_features: 6272, out_features: 10}

    Good:
        shapecalc: 1
        input: [32, 14, 14]
        layers:
          - MaxPool2d: 2
          - Flatten
          - Linear: {in_features: 1568, out_features: 10}

    Limits:
        The unsafe fix writes the number that arrives, where it is known and the text makes one layer. Leave the
        argument out and it is inferred.
    """

    code = "SC203"


class IndivisibleGroups(Page):
    """channels do not divide by the groups

    Why:
        A grouped convolution and GroupNorm cut the channels into equal parts. torch raises where a part would be left
        over.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 20, kernel_size: 3}
          - ReLU
          - Conv2d: {out_channels: 32, kernel_size: 3, groups: 8}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 24, kernel_size: 3}
          - ReLU
          - Conv2d: {out_channels: 32, kernel_size: 3, groups: 8}

    Limits:
        Both the channels that arrive and those that leave must divide. Of ChannelShuffle the channels that arrive.
    """

    code = "SC204"


class IndivisibleHeads(Page):
    """the embedding does not divide by the heads

    Why:
        Attention gives each head an equal part of the embedding: `embed_dim / num_heads` values.

    Bad:
        shapecalc: 1
        input: [16, 100]
        layers:
          - MultiheadAttention: {num_heads: 8, batch_first: true}
            from: [input, input, input]

    Good:
        shapecalc: 1
        input: [16, 96]
        layers:
          - MultiheadAttention: {num_heads: 8, batch_first: true}
            from: [input, input, input]

    Limits:
        Of ScaledDotProductAttention with `enable_gqa` the heads of the query must divide by those of keys and values.
    """

    code = "SC205"


class OutputPaddingTooLarge(Page):
    """output_padding is not smaller than stride or dilation

    Why:
        A stride of s merges s input sizes into one output size, and `output_padding` says which of them a transposed
        convolution gives back: 0 to s - 1. More would be lines that no input reaches.

    Bad:
        shapecalc: 1
        input: [16, 8, 8]
        layers:
          - ConvTranspose2d: {out_channels: 8, kernel_size: 4, stride: 2, padding: 1, output_padding: 2}

    Good:
        shapecalc: 1
        input: [16, 8, 8]
        layers:
          - ConvTranspose2d: {out_channels: 8, kernel_size: 4, stride: 2, padding: 1}

    Limits:
        torch asks for less than the larger of stride and dilation, and so does this. On the meta device torch does not
        look, and raises on the first real tensor.
    """

    code = "SC206"


class SamePaddingWithStride(Page):
    """padding: same with a stride

    Why:
        `same` means an output as large as the input, which no stride above 1 gives. torch refuses the two together when
        the module is made.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3, stride: 2, padding: same}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3, stride: 2, padding: 1}

    Limits:
        Other libraries read `same` with a stride as an output of ceil(size / stride), which is asymmetric for some
        sizes; `padding: 1` of a kernel of 3 gives that size, padded alike on both sides.
    """

    code = "SC207"


class PoolPaddingTooLarge(Page):
    """pool padding is more than half of the kernel

    Why:
        With more padding than half of the kernel, windows at the border would hold more padding than map, and with as
        much as the kernel nothing to take a maximum or a mean of. torch raises in the first forward pass.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - MaxPool2d: {kernel_size: 3, stride: 2, padding: 2}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - MaxPool2d: {kernel_size: 3, stride: 2, padding: 1}

    Limits:
        The kernel itself is meant, not its dilated extent, as in torch. Convolutions have no such bound.
    """

    code = "SC208"


class WrongRank(Page):
    """the input has the wrong number of dimensions

    Why:
        Conv2d takes [N, C, H, W], Conv1d [N, C, L]; a map that was flattened, or an axis that was never made, is
        something else. The number of dimensions counts the batch.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Flatten
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - Flatten

    Limits:
        torch takes some layers without a batch, too; the spec says so by `batch: false` at the input. Modes that want a
        certain number of axes (`mode: bilinear`) are told by this code as well.
    """

    code = "SC209"


class ReshapeCount(Page):
    """a reshape changes the number of elements

    Why:
        A reshape moves no value and makes none: the product of the sizes must stay. A `-1` stands for the one size that
        makes it so, and has to come out whole.

    Bad:
        shapecalc: 1
        input: [32, 7, 7]
        layers:
          - Reshape: [N, 32, 64]

    Good:
        shapecalc: 1
        input: [32, 7, 7]
        layers:
          - Reshape: [N, 32, 49]

    Limits:
        Shapes inside of layers count the batch, so `N` stands in front. With symbolic sizes the counts are compared as
        formulas, for every size at once.
    """

    code = "SC210"


PAGES = {
    page.code: page
    for page in (
        KernelDoesNotFit,
        ChannelMismatch,
        FeatureMismatch,
        IndivisibleGroups,
        IndivisibleHeads,
        OutputPaddingTooLarge,
        SamePaddingWithStride,
        PoolPaddingTooLarge,
        WrongRank,
        ReshapeCount,
    )
}
