"""TF-slim's networks as specs one channel wide: only what decides receptive fields is kept.

Written from the published architectures; SAME padding at a stride is written as (k - 1) // 2 on either side, which
gives the same sizes and strides of fields.
"""

from __future__ import annotations

from typing import Any

CHAIN = """
shapecalc: 1
params: {units: [], pad: true}
input: [3, H, W]
blocks:
  C:                 # one channel will do: the field does not depend on the width; `full` is slim's SAME
    params: {k: 1, s: 1, w: k, full: true}
    layers:
      - Conv2d:
          out_channels: 1
          kernel_size: [k, w]
          stride: s
          padding: ["k // 2 if full else 0", "w // 2 if full else 0"]
  P:
    params: {k: 3, s: 2, full: false}
    layers: [{MaxPool2d: {kernel_size: k, stride: s, padding: k // 2 if full else 0}}]
  A:                                   # the average pool of an inception block
    layers: [{AvgPool2d: {kernel_size: 3, stride: 1, padding: 1}}, C]
"""

ALEXNET_V2 = """
layers:
  conv1: {C: {k: 11, s: 4, full: false}}
  pool1: P
  conv2: {C: 5}
  pool2: P
  for i in range(3, 6):
    "conv{i}": {C: 3}
  pool5: P
"""

VGG_A = """
layers:
  for i, n in enumerate([1, 1, 2, 2, 2]):
    "conv{i + 1}":
      for j in range(n):
        "conv{i + 1}_{j + 1}": {C: 3}
    "pool{i + 1}": {P: 2}
"""

VGG_16 = VGG_A.replace("[1, 1, 2, 2, 2]", "[2, 2, 3, 3, 3]")

RESNET = """
  Unit:
    params: {stride: ~}
    layers:
      body: [C, {C: {k: 3, s: stride}}, C]
      shortcut: {C: {s: stride}, from: input}
      add: {Add: [body, shortcut]}
layers:
  conv1: {C: {k: 7, s: 2}}
  pool1: {P: {full: true}}
  for i, n in enumerate(units):
    "block{i + 1}":
      - Unit: 1
        repeat: n - 1
      - Unit: 2 if i < 3 else 1        # TF-slim strides in the last unit of a block
"""

MOBILENET_V1 = """
layers:
  Conv2d_0: {C: {k: 3, s: 2}}
  for i, stride in enumerate([1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]):
    "Conv2d_{i + 1}_depthwise": {C: {k: 3, s: stride}}
    "Conv2d_{i + 1}_pointwise": C
"""

INCEPTION_V2 = """
  Mixed:
    branches: {a: C, b: [C, {C: 3}], c: [C, {C: 3}, {C: 3}], d: A}
    merge: Cat
  Reduce:
    branches: {a: [C, {C: {k: 3, s: 2}}], b: [C, {C: 3}, {C: {k: 3, s: 2}}], c: {P: {full: true}}}
    merge: Cat
layers:
  Conv2d_1a_7x7: {C: {k: 7, s: 2}}
  MaxPool_2a_3x3: {P: {full: true}}
  Conv2d_2b_1x1: C
  Conv2d_2c_3x3: {C: 3}
  MaxPool_3a_3x3: {P: {full: true}}
  for stage in ['3b', '3c']:
    "Mixed_{stage}": Mixed
  Mixed_4a: Reduce
  for stage in ['4b', '4c', '4d', '4e']:
    "Mixed_{stage}": Mixed
  Mixed_5a: Reduce
  for stage in ['5b', '5c']:
    "Mixed_{stage}": Mixed
"""

STEM = """
  Conv2d_1a_3x3: {C: {k: 3, s: 2, full: pad}}
  Conv2d_2a_3x3: {C: {k: 3, full: pad}}
  Conv2d_2b_3x3: {C: 3}
"""

STEM_V3 = (
    STEM
    + """
  MaxPool_3a_3x3: {P: {full: pad}}
  Conv2d_3b_1x1: C
  Conv2d_4a_3x3: {C: {k: 3, full: pad}}
  MaxPool_5a_3x3: {P: {full: pad}}
"""
)

REDUCTIONS = """
  ReduceA:
    params: {full: ~}
    branches:
      a: {C: {k: 3, s: 2, full: full}}
      b: [C, {C: 3}, {C: {k: 3, s: 2, full: full}}]
      c: {P: {full: full}}
    merge: Cat
  ReduceB:
    branches:
      a: [C, {C: {k: 3, s: 2, full: false}}]
      b: [C, {C: {k: 1, w: 7}}, {C: {k: 7, w: 1}}, {C: {k: 3, s: 2, full: false}}]
      c: P
    merge: Cat
  Tall:
    branches: {a: C, b: [C, {C: {w: 7}}, {C: {k: 7, w: 1}}], c: [C, Seven, Seven], d: A}
    merge: Cat
  Seven:
    layers: [{C: {k: 7, w: 1}}, {C: {k: 1, w: 7}}]
  Fork:
    branches: {a: {C: {w: 3}}, b: {C: {k: 3, w: 1}}}
    merge: Cat
"""

INCEPTION_V3 = (
    REDUCTIONS
    + """
  Mixed5:
    branches: {a: C, b: [C, {C: 5}], c: [C, {C: 3}, {C: 3}], d: A}
    merge: Cat
  Mixed7:
    branches: {a: C, b: [C, Fork], c: [C, {C: 3}, Fork], d: A}
    merge: Cat
layers:"""
    + STEM_V3
    + """
  for stage in ['5b', '5c', '5d']:
    "Mixed_{stage}": Mixed5
  Mixed_6a: {ReduceA: false}
  for stage in ['6b', '6c', '6d', '6e']:
    "Mixed_{stage}": Tall
  Mixed_7a: ReduceB
  for stage in ['7b', '7c']:
    "Mixed_{stage}": Mixed7
"""
)

INCEPTION_V4 = (
    REDUCTIONS
    + """
  Mixed5:
    branches: {a: C, b: [C, {C: 3}], c: [C, {C: 3}, {C: 3}], d: A}
    merge: Cat
  Mixed7:
    branches: {a: C, b: [C, Fork], c: [C, {C: {k: 3, w: 1}}, {C: {w: 3}}, Fork], d: A}
    merge: Cat
layers:"""
    + STEM
    + """
  Mixed_3a: {Cat: {branches: {a: P, b: {C: {k: 3, s: 2, full: false}}}}}
  Mixed_4a:
    Cat:
      branches:
        a: [C, {C: {k: 3, full: false}}]
        b: [C, {C: {w: 7}}, {C: {k: 7, w: 1}}, {C: {k: 3, full: false}}]
  Mixed_5a: {Cat: {branches: {a: {C: {k: 3, s: 2, full: false}}, b: P}}}
  for stage in ['5b', '5c', '5d', '5e']:
    "Mixed_{stage}": Mixed5
  Mixed_6a: {ReduceA: false}
  for stage in ['6b', '6c', '6d', '6e', '6f', '6g', '6h']:
    "Mixed_{stage}": Tall
  Mixed_7a: ReduceB
  for stage in ['7b', '7c', '7d']:
    "Mixed_{stage}": Mixed7
"""
)

INCEPTION_RESNET_V2 = (
    REDUCTIONS
    + """
  Block35:
    layers:
      mixed: {Cat: {branches: {a: C, b: [C, {C: 3}], c: [C, {C: 3}, {C: 3}]}}}
      up: {Conv2d: {out_channels: in_channels, kernel_size: 1}}
      add: {Add: [input, up]}
  Block17:
    params: {k: 7}
    layers:
      mixed: {Cat: {branches: {a: C, b: [C, {C: {w: k}}, {C: {k: k, w: 1}}]}}}
      up: {Conv2d: {out_channels: in_channels, kernel_size: 1}}
      add: {Add: [input, up]}
layers:"""
    + STEM_V3
    + """
  Mixed_5b: {Cat: {branches: {a: C, b: [C, {C: 5}], c: [C, {C: 3}, {C: 3}], d: A}}}
  blocks35: [{Block35: , repeat: 10}]
  Mixed_6a: {ReduceA: pad}
  PreAuxLogits: [{Block17: , repeat: 20}]
  Mixed_7a:
    Cat:
      branches:
        for stage in ['a', 'b']:
          "{stage}": [C, {C: {k: 3, s: 2, full: pad}}]
        c: [C, {C: 3}, {C: {k: 3, s: 2, full: pad}}]
        d: {P: {full: pad}}
  blocks8: [{Block17: 3, repeat: 10}]
  Conv2d_7b_1x1: C
"""
)

DEPTHS = {"50": [3, 4, 6, 3], "101": [3, 4, 23, 3], "152": [3, 8, 36, 3], "200": [3, 24, 36, 3]}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet_v2": (ALEXNET_V2, {}),
    "vgg_a": (VGG_A, {}),
    "vgg_16": (VGG_16, {}),
    **{f"resnet_v{v}_{depth}": (RESNET, {"units": units}) for v in (1, 2) for depth, units in DEPTHS.items()},
    "mobilenet_v1": (MOBILENET_V1, {}),
    "mobilenet_v1_075": (MOBILENET_V1, {}),
    "inception_v2": (INCEPTION_V2, {}),
    "inception_v2-no-separable-conv": (INCEPTION_V2, {}),
    "inception_v3": (INCEPTION_V3, {"pad": False}),
    "inception_v4": (INCEPTION_V4, {"pad": False}),
    "inception_resnet_v2": (INCEPTION_RESNET_V2, {"pad": False}),
    "inception_resnet_v2-same": (INCEPTION_RESNET_V2, {"pad": True}),
}
