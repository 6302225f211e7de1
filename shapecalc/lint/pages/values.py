"""Manual pages of expressions, conditions and params, and of how much they may expand to. They check nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from shapecalc.lint.rule import Page

if TYPE_CHECKING:
    from collections.abc import Mapping


class BadExpression(Page):
    """an expression cannot be read or evaluated

    Why:
        Where a number or a size is due, text is an expression over params, sizes and a few functions. One that names
        nothing, divides by zero or has half a bracket has no value. Often YAML has cut it: inside of braces a comma
        ends the value, and what is left over becomes a key.

    Bad:
        shapecalc: 1
        params: {width: 64}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: max(8, width // 4), kernel_size: 3}
          - ReLU
          - Flatten
          - Linear: widht

    Good:
        shapecalc: 1
        params: {width: 64}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: "max(8, width // 4)", kernel_size: 3}
          - ReLU
          - Flatten
          - Linear: width

    Limits:
        Expressions are no Python: there are no attributes, comprehensions or calls of other functions, and their cost
        is bounded. A fix quotes what YAML cut at a comma; where a name is near, an unsafe fix writes it.
    """

    code = "SC112"


class UnknownSizeInCondition(Page):
    """a condition depends on a size that is not known

    Why:
        With `input: [3, H, W]` the network is analysed for every H and W at once. A condition on H would give another
        network for some of them, and figures that hold for none.

    Bad:
        shapecalc: 1
        input: [3, H, W]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - {MaxPool2d: 2, when: H > 64}

    Good:
        shapecalc: 1
        params: {large: false}
        input: [3, H, W]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - {MaxPool2d: 2, when: large}

    Limits:
        `--set H=224` fixes the size, and the condition with it. Comparisons that hold for every size (`H > 0`) are
        decided. The same is told of `if ... else` in expressions and of turns of a loop.
    """

    code = "SC113"


class UnsetParam(Page):
    """a param without a value must be set

    Why:
        A param whose default is null (`~`) has to be given by whoever uses the spec. Nothing can be computed from it
        until then.

    Bad:
        shapecalc: 1
        params: {classes: ~}
        input: [512]
        layers:
          - Linear: classes

    Good:
        shapecalc: 1
        params: {classes: 10}
        input: [512]
        layers:
          - Linear: classes

    Limits:
        `--set classes=10` gives it for one run. A param of a block without a default is an argument that each use must
        give: SC108.
    """

    code = "SC118"


class UnknownParam(Page):
    """`set` names a param that the spec does not have

    Why:
        A setting that nothing reads would leave the network as it was, and its figures would be taken for those of
        another one.

    Bad:
        # shapecalc check --set widht=128
        shapecalc: 1
        params: {width: 64}
        input: [512]
        layers:
          - Linear: width

    Good:
        shapecalc: 1
        params: {width: 64}
        input: [512]
        layers:
          - Linear: width

    Limits:
        The sizes of the input (`H`) can be set as well as params. In a run over many files every one of them must have
        the param.
    """

    code = "SC119"
    settings: ClassVar[Mapping[str, object]] = {"widht": 128}


class TooManyLayers(Page):
    """the spec expands to more layers than the limit

    Why:
        Loops, `repeat` and blocks inside of blocks multiply: a few lines can state more layers than any machine holds.
        The limit is 200,000 layers, 300,000 steps of the walk (layers, sequences and turns of loops), and 80 sequences
        and blocks inside of each other.

    Bad:
        shapecalc: 1
        input: [8]
        layers:
          - {ReLU: , repeat: 1000000}

    Good:
        shapecalc: 1
        input: [8]
        layers:
          - Sequential: [{Linear: 8}, ReLU]
            repeat: 100

    Limits:
        Where the text alone shows how much it expands to, this is told before anything is expanded.
    """

    code = "SC121"


PAGES = {page.code: page for page in (BadExpression, UnknownSizeInCondition, UnsetParam, UnknownParam, TooManyLayers)}
