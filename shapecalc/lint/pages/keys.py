"""Manual pages of keys, values and arguments that the language or an operator does not take. They check nothing."""

from __future__ import annotations

from shapecalc.lint.rule import Page


class NotASpec(Page):
    """the document lacks the key `shapecalc`

    Why:
        `shapecalc: 1` marks a YAML file as a spec and says in which version of the language it is written. Without it
        the file may be anything.

    Bad:
        name: Net
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Good:
        shapecalc: 1
        name: Net
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Limits:
        Told of files that are named on the command line; a walk over a folder passes over files without the mark.
        A misspelt mark (`shapecalk: 1`) can be mended by an unsafe fix.
    """

    code = "SC101"


class UnsupportedVersion(Page):
    """the language version is newer than this tool, or no integer

    Why:
        A later version of the language may give the same words another meaning, so that figures of an older tool would
        be wrong without a sign.

    Bad:
        shapecalc: 2
        input: [4]
        layers:
          - Linear: 3

    Good:
        shapecalc: 1
        input: [4]
        layers:
          - Linear: 3

    Limits:
        There is one version so far, 1. Nothing else of the file is read.
    """

    code = "SC102"


class UnknownKey(Page):
    """a key that the language does not know

    Why:
        A key that nothing reads has no effect: `ouput: x` would leave the output as it was. So every key of the
        document, of a block, of an input, of `train`, `lint` and `expect`, and beside an operator, must be known.

    Bad:
        shapecalc: 1
        params: {deep: true}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - ReLU:
            wehn: deep

    Good:
        shapecalc: 1
        params: {deep: true}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - ReLU:
            when: deep

    Limits:
        A key inside of an operator's arguments is SC107. Two operators in one layer, operands beside `from`, and keys
        that exclude each other are told by this code too. Where a known key is near, an unsafe fix writes it.
    """

    code = "SC103"


class MissingKey(Page):
    """a key that must be there is missing

    Why:
        A network needs an `input` and `layers`; a block needs `layers`, `branches` with `merge`, or a `shape`. Nothing
        can be assumed for them.

    Bad:
        shapecalc: 1
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Limits:
        Arguments of operators and blocks that are missing are SC108, and the key `shapecalc` is SC101.
    """

    code = "SC104"


class WrongType(Page):
    """a value has the wrong type

    Why:
        A size is an integer, `layers` a list or a mapping, a reference a name. Another type is a slip that torch
        would meet later, or silently take for something else. A float is no size even where it is whole: `c / 2`
        gives a float, `c // 2` an integer.

    Bad:
        shapecalc: 1
        params: {width: 64}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: width / 2, kernel_size: 3}

    Good:
        shapecalc: 1
        params: {width: 64}
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: width // 2, kernel_size: 3}

    Limits:
        A value of the right type that the operator refuses (a kernel of 0) is SC109; text that names nothing is SC112.
    """

    code = "SC105"


class UnknownOperator(Page):
    """no operator or block of that name

    Why:
        Layers are named as their classes in torch.nn, capitals included; functions and blocks by their own names. What
        an unknown layer would do to shape and cost is unknown, so its inside is not read and what follows stays silent.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2D: {out_channels: 16, kernel_size: 3}
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}
          - ReLU

    Limits:
        A layer of your own that no block can express is an opaque block: it states its `shape`. A param may hold an
        operator's name. Where a known name is near, an unsafe fix writes it.
    """

    code = "SC106"


class UnknownArgument(Page):
    """the operator or block takes no such argument

    Why:
        Arguments have the names that torch gives them. One that nothing reads would leave torch's default in force, as
        Python too would refuse it when the module is made.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3, pading: 1}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}

    Limits:
        `device` and `dtype` of torch's constructors are no arguments here. A bare value where the operator has no main
        argument is told by this code too. Where a known argument is near, an unsafe fix writes it.
    """

    code = "SC107"


class MissingArgument(Page):
    """an argument without a default is not given

    Why:
        What torch demands, a spec must say. Sizes that a layer reads off its input (`in_channels`, `in_features`,
        `num_features` ...) are the exception: they are inferred.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}

    Limits:
        All missing arguments of a layer are told at once. A param of a block without a default (`~`) is demanded alike;
        one of the document is SC118.
    """

    code = "SC108"


class BadArgument(Page):
    """an argument has a value that the operator refuses

    Why:
        The value has the right type and can still not be: a kernel of 0, a probability above 1, three numbers for two
        axes. torch refuses most of them when the module is made, and others only in the first forward pass.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: [3, 3, 3]}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: [3, 3]}

    Limits:
        Values that are only wrong for the sizes that arrive (a kernel larger than the map) are SC2xx.
    """

    code = "SC109"


PAGES = {
    page.code: page
    for page in (
        NotASpec,
        UnsupportedVersion,
        UnknownKey,
        MissingKey,
        WrongType,
        UnknownOperator,
        UnknownArgument,
        MissingArgument,
        BadArgument,
    )
}
