"""Manual pages of what a spec claims of itself: its expectations, and what it suppresses. They check nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from shapecalc.lint.rule import Page

if TYPE_CHECKING:
    from collections.abc import Mapping


class BrokenExpectation(Page):
    """what `expect` states does not hold

    Why:
        `expect` is the contract of a network: its output, params, cost or memory, at the document or at a layer. A
        change that breaks it is either a mistake, or wants the contract changed in the same commit.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3}
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10
        expect: {output: [10], params: "<= 2000"}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 64, kernel_size: 3}
          - AdaptiveAvgPool2d: 1
          - Flatten
          - Linear: 10
        expect: {output: [10], params: 2442}

    Limits:
        Held against one sample in float32, sgd and the default params, whatever conditions a check is run for. A figure
        that is rounded (`2.4k`) is compared as it is rounded.
    """

    code = "SC501"


class ExpectationNotChecked(Page):
    """`expect` speaks of the default params, and --set changes one

    Why:
        A figure that holds for the default params says nothing of others, so it is passed over, and said to be.

    Bad:
        # shapecalc check --set width=128
        shapecalc: 1
        params: {width: 64}
        input: [512]
        layers:
          - Linear: width
        expect: {params: 32832}

    Good:
        shapecalc: 1
        params: {width: 64}
        input: [512]
        layers:
          - Linear: width
        expect:
          - {params: 32832}
          - {set: {width: 128}, params: 65664}

    Limits:
        Told where a value differs from the default. A list of cases, each with its own `set`, states what holds for
        which params, and is checked in a run without `--set`.
    """

    code = "SC502"
    settings: ClassVar[Mapping[str, object]] = {"width": 128}


class ExpectationUndecided(Page):
    """what `expect` states can neither be shown nor refuted

    Why:
        With symbolic sizes, or a block that does not state a fact, a figure may be unknown. An expectation of it is
        then no contract: it would hold whatever happened.

    Bad:
        shapecalc: 1
        blocks:
          Mine: {shape: [16, "in_shape[1]", "in_shape[2]"]}
        input: [3, 32, 32]
        layers:
          - Mine
        expect: {macs: 1M}

    Good:
        shapecalc: 1
        blocks:
          Mine: {shape: [16, "in_shape[1]", "in_shape[2]"], macs: 1000000}
        input: [3, 32, 32]
        layers:
          - Mine
        expect: {macs: 1M}

    Limits:
        What holds for every size, or fails for all, is decided. For single sizes write `expect` with `set`, or `sizes`.
    """

    code = "SC503"


class UnusedSuppression(Page):
    """a suppression that suppresses nothing

    Why:
        A comment that suppresses nothing hides the next real finding in its line. It is left over from a network that
        has changed, or names the wrong line.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}  # shapecalc: ignore[SC301]
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}  # shapecalc: ignore[SC301]
          - BatchNorm2d
          - ReLU

    Limits:
        Only codes that the run looks for are judged, so that a check with fewer codes does not complain, and none in a
        spec with errors, where rules do not run. What keeps a spec from being read (SC0xx, SC1xx) cannot be suppressed.
        The safe fix takes the code or the comment out.
    """

    code = "SC901"


class UnknownSuppression(Page):
    """a suppression names a code that does not exist

    Why:
        A misspelt code suppresses nothing, and whoever reads the comment believes that it does.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}  # shapecalc: ignore[SC999]
          - ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: {out_channels: 16, kernel_size: 3}  # shapecalc: ignore[bias-before-norm]
          - BatchNorm2d
          - ReLU

    Limits:
        Codes, prefixes of codes (`SC3`) and names are known. Codes of other tools in a `# noqa: ...` are theirs.
    """

    code = "SC902"


PAGES = {
    page.code: page
    for page in (
        BrokenExpectation,
        ExpectationNotChecked,
        ExpectationUndecided,
        UnusedSuppression,
        UnknownSuppression,
    )
}
