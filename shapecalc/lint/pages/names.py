"""Manual pages of names, references and wiring: which value is meant, and whether it is there. They check nothing."""

from __future__ import annotations

from shapecalc.lint.rule import Page


class BadName(Page):
    """a name that cannot be used for a child, param or block

    Why:
        The names of children become attributes of the emitted module, and those of blocks its classes: Python keywords,
        attributes of nn.Module (`train`, `type`, `forward`) and text that begins with a digit cannot. Params and labels
        begin in lower case, as a capital marks a symbol such as `H`.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          1x1: {Conv2d: {out_channels: 16, kernel_size: 3}}
          type: ReLU

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          conv_1x1: {Conv2d: {out_channels: 16, kernel_size: 3}}
          kind: ReLU

    Limits:
        Operators and wiring keys are no names for children, `N` and the `in_` names none for params, nor are words that
        torch takes as arguments (`same`, `reflect`).
    """

    code = "SC110"


class DuplicateName(Page):
    """two children, labels or loop turns come out with one name

    Why:
        Two modules under one name would be one, and of the `state_dict` only the last would be left. In a loop this
        happens where the name does not change from turn to turn.

    Bad:
        shapecalc: 1
        input: [64]
        layers:
          for i in range(2):
            "fc": {Linear: 64}

    Good:
        shapecalc: 1
        input: [64]
        layers:
          for i in range(2):
            "fc{i}": [{Linear: 64}, ReLU]

    Limits:
        One name written twice in a mapping is SC003. Where loops are the cause, the message names both turns.
    """

    code = "SC111"


class UnknownReference(Page):
    """a reference to nothing that exists here

    Why:
        `from`, `share`, `output` and operands name earlier layers and labels. A name is looked for among the siblings
        before it, then outwards; a block sees nothing outside of itself, and nothing outside sees into a block.

    Bad:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          conv1: {Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}}
          relu: ReLU
          add: {Add: [relu, cnov1]}

    Good:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          conv1: {Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}}
          relu: ReLU
          add: {Add: [relu, conv1]}

    Limits:
        An output number that the layer does not have (`part[2]` of two) is told by this code too. Where a name that can
        be used is near, an unsafe fix writes it.
    """

    code = "SC114"


class ForwardReference(Page):
    """a reference to a layer that comes later

    Why:
        Layers are computed in the order of the file. A value that comes later is not there yet, and one that a layer
        makes of itself would be a cycle.

    Bad:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          a: {Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}}
          sum: {Add: [a, b]}
          b: {Conv2d: {out_channels: 16, kernel_size: 1}, from: input}

    Good:
        shapecalc: 1
        input: [16, 32, 32]
        layers:
          a: {Conv2d: {out_channels: 16, kernel_size: 3, padding: 1}}
          b: {Conv2d: {out_channels: 16, kernel_size: 1}, from: input}
          sum: {Add: [a, b]}

    Limits:
        Recurrence over time is inside of LSTM, GRU and RNN; a loop of the spec is unrolled, and its turns follow each
        other. A sequence named from inside of itself is not finished there and told by this code too.
    """

    code = "SC115"


class AmbiguousFlow(Page):
    """it is not clear which value is meant

    Why:
        A layer takes the flow where nothing else is said. With several inputs there is no flow at the start, and behind
        Chunk, Split and Unbind there are several values of equal right: choosing one silently would be a guess.

    Bad:
        shapecalc: 1
        input: {image: [3, 32, 32], depth: [1, 32, 32]}
        layers:
          a: {Conv2d: {out_channels: 8, kernel_size: 3}}
          b: {Conv2d: {out_channels: 8, kernel_size: 3}, from: depth}
          both: {Cat: [a, b]}

    Good:
        shapecalc: 1
        input: {image: [3, 32, 32], depth: [1, 32, 32]}
        layers:
          a: {Conv2d: {out_channels: 8, kernel_size: 3}, from: image}
          b: {Conv2d: {out_channels: 8, kernel_size: 3}, from: depth}
          both: {Cat: [a, b]}

    Limits:
        LSTM, GRU and the like have a first output that the bare name means. A layer with several inputs whose `when` is
        false must stand for the flow, which has to be one of them.
    """

    code = "SC116"


class RecursiveBlock(Page):
    """a block reaches itself

    Why:
        A block is opened where it is used. One that holds itself, directly or through others, would be opened for ever;
        a `when` cannot end it, as a network's depth does not depend on its values.

    Bad:
        shapecalc: 1
        blocks:
          Tree:
            params: {depth: 3}
            layers:
              - Linear: 8
              - {Tree: depth - 1, when: depth > 1}
        input: [8]
        layers: [Tree]

    Good:
        shapecalc: 1
        blocks:
          Branch:
            layers: [{Linear: 8}, ReLU]
        params: {depth: 3}
        input: [8]
        layers:
          - {Branch: , repeat: depth}

    Limits:
        Found on the text, before anything is opened. The message names the way from the block back to itself.
    """

    code = "SC117"


class BadShare(Page):
    """`share` cannot tie these two layers

    Why:
        `share` calls an earlier layer's module again, or ties tensors that agree in name and shape. Where no tensor
        agrees there is nothing to tie, and the two would learn apart although the spec says otherwise.

    Bad:
        shapecalc: 1
        input: {shape: [T], dtype: int64, below: 1000}
        layers:
          embed: {Embedding: {num_embeddings: 1000, embedding_dim: 64}}
          hidden: {Linear: 128}
          act: ReLU
          head: {Linear: {out_features: 1000, bias: false}, share: embed}

    Good:
        shapecalc: 1
        input: {shape: [T], dtype: int64, below: 1000}
        layers:
          embed: {Embedding: {num_embeddings: 1000, embedding_dim: 64}}
          hidden: {Linear: 64}
          act: ReLU
          head: {Linear: {out_features: 1000, bias: false}, share: embed}

    Limits:
        A block is shared as a whole: it must be the same block with equal arguments. Tensors are tied by name, so a
        transposed weight is none.
    """

    code = "SC120"


class WrongNumberOfInputs(Page):
    """a layer is given too few or too many inputs

    Why:
        An operator takes the tensors that torch's function takes, in that order; a block those that its `inputs` name.
        With one too many or too few it is not clear which is which.

    Bad:
        shapecalc: 1
        input: {image: [3, 32, 32], depth: [1, 32, 32]}
        layers:
          conv: {Conv2d: {out_channels: 8, kernel_size: 3}, from: [image, depth]}

    Good:
        shapecalc: 1
        input: {image: [3, 32, 32], depth: [1, 32, 32]}
        layers:
          both: {Cat: [image, depth]}
          conv: {Conv2d: {out_channels: 8, kernel_size: 3}}

    Limits:
        Optional inputs may be left out at the end, or named: `from: {query: x, key: x, value: x, attn_mask: m}`.
    """

    code = "SC122"


PAGES = {
    page.code: page
    for page in (
        BadName,
        DuplicateName,
        UnknownReference,
        ForwardReference,
        AmbiguousFlow,
        RecursiveBlock,
        BadShare,
        WrongNumberOfInputs,
    )
}
