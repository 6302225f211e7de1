"""References, wiring, sharing, expressions and sizes that cannot work: one diagnostic each, at its own place."""

from __future__ import annotations

import pytest

from .mistake import Bad

REFERENCES = [
    Bad("nothing", "input: [4]\nlayers: {conv1: ReLU, b: {ReLU: , from: «cnov1»}}\n", "SC114", ["cnov1"], ["conv1"]),
    Bad("nothing in operands", "input: [4]\nlayers: {conv1: ReLU, b: {Add: [«cnov1», input]}}\n", "SC114", ["cnov1"], ["conv1"]),
    Bad("nothing in a mapping", "input: [4]\nlayers: {a: ReLU, b: {Linear: 3, from: {input: «q»}}}\n", "SC114", ["q"]),
    Bad("nothing in output", "input: [4]\nlayers: {conv1: ReLU}\noutput: [«cnov1»]\n", "SC114", ["cnov1"], ["conv1"]),
    Bad("nothing in share", "input: [4]\nlayers: {conv1: {Linear: 4}, b: {Linear: 4, share: «cnov1»}}\n", "SC114", ["cnov1"], ["conv1"]),
    Bad("nothing in a sequence", "input: [4]\nlayers: {a: [ReLU, ReLU], b: {ReLU: , from: «a.2»}}\n", "SC114", ["2"]),
    Bad("nothing in a layer", "input: [4]\nlayers: {a: ReLU, b: {ReLU: , from: «a.x»}}\n", "SC114", ["a"]),
    Bad("an output too far", "input: [4]\nlayers: {a: {Chunk: 2}, b: {ReLU: , from: «\"a[2]\"»}}\n", "SC114", ["a", "2"]),
    Bad("no reference", "input: [4]\nlayers: {a: ReLU, b: {ReLU: , from: «a + 1»}}\n", "SC114", ["a + 1"]),
    Bad("forward", "input: [4]\nlayers: {a: {ReLU: , from: «b»}, b: ReLU}\n", "SC115", ["b"]),
    Bad("forward in a list", "input: [4]\nlayers: [{ReLU: , from: «later»}, {ReLU: , as: later}]\n", "SC115", ["later"]),
    Bad("forward from a nested sequence", "input: [4]\nlayers: {a: [{Add: «b»}], b: ReLU}\n", "SC115", ["b"]),
    Bad("itself", "input: [4]\nlayers: {a: {ReLU: , from: «a»}}\n", "SC115", ["a"]),
    Bad("its own sequence", "input: [4]\nlayers: {a: [ReLU, {ReLU: , from: «a»}]}\n", "SC115", ["a"]),
    Bad("out of a block", "blocks: {B: {layers: [{Add: «a»}]}}\ninput: [4]\nlayers: {a: ReLU, b: B}\n", "SC114", ["a"]),
    Bad("the network's input in a block", "blocks: {B: {layers: [{Add: «image»}]}}\ninput: {image: [4]}\nlayers: [B]\n", "SC114", ["image"]),
    Bad("into a block", "blocks: {B: {layers: {fc: ReLU}}}\ninput: [4]\nlayers: {b: B, c: {Add: «b.fc»}}\n", "SC114", ["b"], ["[0]"]),
    Bad("bare name of equals", "input: [4]\nlayers: {part: {Chunk: {chunks: 2, dim: 1}}, b: {ReLU: , from: «part»}}\n", "SC116", ["part", "2"], ["part[0]"]),
    Bad("bare name of equals in operands", "input: [4]\nlayers: {part: {Chunk: {chunks: 2, dim: 1}}, b: {Add: [\"part[1]\", «part»]}}\n", "SC116", ["part"], ["part[0]"]),
    Bad("equals in the flow", "input: [4]\nlayers: {part: {Chunk: {chunks: 2, dim: 1}}, b: «ReLU»}\n", "SC116", ["2"], ["[0]"]),
    Bad("a block that reaches itself", "blocks: {B: {layers: [ReLU, «B»]}}\ninput: [4]\nlayers: [B]\n", "SC117", ["B -> B"]),
    Bad("blocks that reach each other", "blocks: {A: {layers: [B]}, B: {layers: [[{Sequential: [«A»]}]]}}\ninput: [4]\nlayers: [A]\n", "SC117", ["A -> B -> A"]),
]  # fmt: skip

WIRING = [
    Bad("several inputs without from", "input: {a: [4], b: [4]}\nlayers: [«ReLU»]\n", "SC116", ["several inputs"], ["from"]),
    Bad("several inputs with a merge of the flow", "input: {a: [4], b: [4]}\nlayers: [{«Add»: a}]\n", "SC116", []),
    Bad("input of several", "input: {a: [4], b: [4]}\nlayers: [{ReLU: , from: «input»}]\n", "SC116", ["input"]),
    Bad("two inputs for one", "input: {a: [4], b: [4]}\nlayers: [{Linear: 3, from: «[a, b]»}]\n", "SC122", ["Linear", "1", "2"]),
    Bad("one input for two", "input: [4]\nlayers: [{«MatMul»: }]\n", "SC122", ["MatMul", "1"]),
    Bad("one input for a block of two", "blocks: {B: {inputs: [x, y], layers: [{Add: y}]}}\ninput: [4]\nlayers: [«B»]\n", "SC122", ["B", "2", "1"]),
    Bad("three inputs for a block of two", "blocks: {B: {inputs: [x, y], layers: [{Add: y}]}}\ninput: [4]\nlayers: [{B: , from: «[input, input, input]»}]\n", "SC122", ["B", "2", "3"]),
    Bad("an input that a block has not", "blocks: {B: {inputs: [x, y], layers: [{Add: y}]}}\ninput: [4]\nlayers: [{B: , from: {x: input, z: input}}]\n", "SC122", ["z"]),
    Bad("an input that torch has not", "input: [5, 4]\nlayers: [{MultiheadAttention: {num_heads: 2, batch_first: true}, from: {query: input, key: input, value: input, mask: input}}]\n", "SC107", ["mask"], ["key_padding_mask"]),
    Bad("only scalars", "input: [4]\nlayers: [{«Add»: [1, 2]}]\n", "SC122", []),
    Bad("operands and from", "input: [4]\nlayers: {a: ReLU, b: {Add: [a, input], from: «a»}}\n", "SC103", ["Add", "from"]),
    Bad("two inputs for a sequence", "input: {a: [4], b: [4]}\nlayers: [{Sequential: [ReLU], from: «[a, b]»}]\n", "SC122", ["2"]),
    Bad("nothing to share", "input: [4]\nlayers: {a: {Linear: 5}, b: {Linear: 3, share: «a»}}\n", "SC120", ["[3, 5]", "[5, 4]"]),
    Bad("no weights to share", "input: [4]\nlayers: {a: ReLU, b: {Linear: 4, share: «a»}}\n", "SC120", ["a"]),
    Bad("a block to share with other arguments", "blocks: {B: {params: {w: ~}, layers: [{Linear: 4}, {Linear: w}]}}\ninput: [4]\nlayers: {a: {B: 4}, b: {B: 5, share: «a»}}\n", "SC120", ["a"]),
    Bad("another block to share", "blocks: {B: {layers: [{Linear: 4}]}, C: {layers: [{Linear: 4}]}}\ninput: [4]\nlayers: {a: B, b: {C: , share: «a»}}\n", "SC120", ["a"]),
    Bad("a later layer to share", "input: [4]\nlayers: {a: {Linear: 4, share: «b»}, b: {Linear: 4}}\n", "SC115", ["b"]),
    Bad("a null param", "params: {«w»: ~}\ninput: [4]\nlayers: [{Linear: w}]\n", "SC118", ["w"], ["--set w"]),
]  # fmt: skip

EXPRESSIONS = [
    Bad("unknown name", "params: {width: 4}\ninput: [4]\nlayers: [{Linear: «widht»}]\n", "SC112", ["widht"], ["width"]),
    Bad("unknown name within", "params: {width: 4}\ninput: [4]\nlayers: [{Linear: 2 * «widht» + 1}]\n", "SC112", ["widht"], ["width"]),
    Bad("unknown function", "input: [4]\nlayers: [{Linear: \"pow(2, 3)\"}]\n", "SC112", ["pow"]),
    Bad("near function", "input: [4]\nlayers: [{Linear: «ciel(3)}]\n", "SC112", ["ciel"], ["ceil"]),
    Bad("division by zero", "params: {n: 0}\ninput: [4]\nlayers: [{Linear: 8 // n}]\n", "SC112", ["zero"]),
    Bad("index out of range", "params: {c: [3, 4]}\ninput: [4]\nlayers: [{Linear: \"c[2]\"}]\n", "SC112", ["2"]),
    Bad("attribute", "params: {c: 3}\ninput: [4]\nlayers: [{Linear: c.real}]\n", "SC112", []),
    Bad("import", "input: [4]\nlayers: [{Linear: \"__import__('os').getpid()\"}]\n", "SC112", []),
    Bad("lambda", "input: [4]\nlayers: [{Linear: \"(lambda: 3)()\"}]\n", "SC112", []),
    Bad("comprehension", "input: [4]\nlayers: [{Linear: \"sum([i for i in range(3)])\"}]\n", "SC112", ["comprehension"]),
    Bad("single equals sign", "params: {c: 3}\ninput: [4]\nlayers: [{ReLU: , when: c = 3}]\n", "SC112", [], ["=="]),
    Bad("half an expression", "params: {c: 3}\ninput: [4]\nlayers: [{Linear: c +}]\n", "SC112", ["c +"]),
    Bad("loop that unpacks too few", "input: [4]\nlayers: [{«\"for a, b in [[1, 2], [3]]\": [ReLU]}]\n", "SC112", ["2"]),
    Bad("loop over an unknown name", "params: {depths: [2]}\ninput: [4]\nlayers: [{for i in «dephts»: [ReLU]}]\n", "SC112", ["dephts"], ["depths"]),
    Bad("template", "params: {n: 3}\ninput: [4]\nlayers: {\"a{«m}\": ReLU}\n", "SC112", ["m"]),
    Bad("template of a list", "params: {n: [3]}\ninput: [4]\nlayers: {\"a{n}\": ReLU}\n", "SC112", ["list"]),
    Bad("unknown size in a condition", "input: [3, H]\nlayers: [{ReLU: , when: «H > 32»}]\n", "SC113", ["H"], ["--set"]),
    Bad("unknown size in a choice", "input: [3, H]\nlayers: [{Linear: 5 if «H > 32» else 6}]\n", "SC113", ["H"], ["--set"]),
    Bad("unknown size as a count of turns", "input: [3, H]\nlayers: [{\"for i in range(H)\": [ReLU]}]\n", "SC113", ["H"], ["--set"]),
    Bad("float of an unknown size", "input: [3, H]\nlayers: [{Linear: «H / 2»}]\n", "SC112", [], ["//"]),
    Bad("param over a later one", "params: {a: «b» + 1, b: 3}\ninput: [4]\nlayers: [{Linear: a}]\n", "SC112", ["b"]),
    Bad("param of a block that is the caller's", "params: {wide: 3}\nblocks: {B: {layers: [{Linear: «wide»}]}}\ninput: [4]\nlayers: [B]\n", "SC112", ["wide"]),
    Bad("text where a number is due", "params: {w: large}\ninput: [4]\nlayers: [{Linear: «w»}]\n", "SC105", ["large"]),
    Bad("list where a number is due", "params: {w: [3, 4]}\ninput: [4]\nlayers: [{Linear: «w»}]\n", "SC105", ["3"]),
]  # fmt: skip

CONV = "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, %s}}]\n"
SIZES = [
    Bad("kernel larger than the input", "input: [3, 5, 5]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: «7»}}]\n", "SC201", ["7", "5"]),
    Bad("dilated kernel larger than the input", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, dilation: 4}}]\n", "SC201", ["9", "8"]),
    Bad("pool larger than the input", "input: [3, 5, 5]\nlayers: [ReLU, {MaxPool2d: «6»}]\n", "SC201", ["6", "5"]),
    Bad("groups", CONV % "groups: «2»", "SC204", ["3", "2"]),
    Bad("groups of the outputs", CONV % "groups: «3»", "SC204", ["4", "3"]),
    Bad("groups of a norm", "input: [6, 5]\nlayers: [{GroupNorm: «4»}]\n", "SC204", ["6", "4"]),
    Bad("channels", CONV % "in_channels: «4»", "SC202", ["3", "4"]),
    Bad("features", "input: [32, 7, 7]\nlayers: [Flatten, {Linear: {in_features: «1000», out_features: 10}}]\n", "SC203", ["1568", "1000"], ["32*7*7 = 1568"]),
    Bad("num_features", "input: [3, 8, 8]\nlayers: [{BatchNorm2d: {num_features: «4»}}]\n", "SC202", ["3", "4"]),
    Bad("add", "input: [3, 8]\nlayers: {a: {Linear: 5}, b: {«Add»: [a, input]}}\n", "SC211", ["5", "8"]),
    Bad("cat", "input: [3, 8]\nlayers: {a: {Linear: 5}, b: {«Cat»: [a, input]}}\n", "SC211", ["5", "8"]),
    Bad("matmul", "input: [3, 8]\nlayers: [{«MatMul»: , from: [input, input]}]\n", "SC211", ["8", "3"]),
    Bad("output_padding", "input: [3, 8, 8]\nlayers: [{ConvTranspose2d: {out_channels: 4, kernel_size: 3, stride: 2, output_padding: «2»}}]\n", "SC206", ["2"]),
    Bad("same with a stride", "input: [3, 8, 8]\nlayers: [{Conv2d: {out_channels: 4, kernel_size: 3, stride: 2, padding: same}}]\n", "SC207", ["same", "2"]),
    Bad("pool padding", "input: [3, 8, 8]\nlayers: [{MaxPool2d: {kernel_size: 2, padding: «2»}}]\n", "SC208", ["padding 2 is more than half of kernel"]),
    Bad("heads", "input: [5, 6]\nlayers: [{MultiheadAttention: {num_heads: «4», batch_first: true}, from: [input, input, input]}]\n", "SC205", ["6", "4"]),
    Bad("rank", "input: [8]\nlayers: [{«Conv2d»: {out_channels: 4, kernel_size: 3}}]\n", "SC209", ["Conv2d", "8"]),
    Bad("reshape", "input: [5, 6]\nlayers: [{Reshape: «[N, 7, 4]»}]\n", "SC210", ["30", "28"]),
    Bad("dimension", "input: [5, 6]\nlayers: [{Softmax: «3»}]\n", "SC213", ["3"]),
    Bad("reflection", "input: [3, 4, 4]\nlayers: [{ReflectionPad2d: «4»}]\n", "SC216", ["4"]),
    Bad("shuffle", "input: [6, 4, 4]\nlayers: [{PixelShuffle: «2»}]\n", "SC214", ["6", "4"]),
    Bad("dtype", "input: {shape: [5], dtype: int64}\nlayers: [{«Linear»: 3}]\n", "SC212", ["int64"]),
    Bad("a kernel too large for every size", "input: [3, H]\nlayers: [{Conv1d: {out_channels: 2, kernel_size: 3}}, {MaxPool1d: 2}, {Linear: {in_features: H * 2, out_features: 3}}]\n", "SC203", ["H"]),
]  # fmt: skip


MINE = "blocks: {Mine: {shape: [2, 4, 4], %s}}\ninput: [3, 8, 8]\nlayers: [Mine, {Conv2d: {out_channels: 2, kernel_size: 3}}]\n"
FACTS = [
    Bad("window that is a number", MINE % "window: «5»", "SC105", ["window"]),
    Bad("window of one value", MINE % "window: «[5]»", "SC105", ["window"]),
    Bad("window of text", MINE % "window: [3, 1, \"'a'\"]", "SC105", ["window"]),
    Bad("window of a stride of 0", MINE % "window: «[3, 0, 1]»", "SC105", ["window"]),
    Bad("macs that are a list", MINE % "macs: «[1]»", "SC105", ["macs"]),
    Bad("macs that are text", MINE % "macs: \"'many'\"", "SC105", ["macs"]),
    Bad("weights that are a number", MINE % "weights: «5»", "SC105", ["weights"]),
    Bad("weights of a float", MINE % "weights: {w: [2, «2.5»]}", "SC105", ["2.5"]),
    Bad("shape of an unknown name", "blocks: {Mine: {shape: [«q», 4, 4]}}\ninput: [3, 8, 8]\nlayers: [Mine, ReLU]\n", "SC112", ["q"]),
]  # fmt: skip


@pytest.mark.parametrize("bad", [*REFERENCES, *WIRING, *EXPRESSIONS, *SIZES, *FACTS], ids=repr)
def test_a_mistake_gives_one_diagnostic_at_its_place(bad: Bad) -> None:
    bad.verify()
