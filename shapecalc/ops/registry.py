"""The registry of operators: a visible, ordered list of names and the modules that hold them.

Its order is the order of the documentation. A module is imported when a spec first uses one of its operators.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecalc.ops.op import Operator

FAMILIES: tuple[tuple[str, str], ...] = (
    ("conv", "Conv1d Conv2d Conv3d"),
    ("transposed", "ConvTranspose1d ConvTranspose2d ConvTranspose3d"),
    ("pool", "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d"),
    ("normpool", "LPPool1d LPPool2d LPPool3d"),
    ("fractional", "FractionalMaxPool2d FractionalMaxPool3d"),
    (
        "adaptive",
        "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d",
    ),
    ("unpool", "MaxUnpool1d MaxUnpool2d MaxUnpool3d"),
    ("blendpool", "MixedPool2d StochasticPool2d"),
    (
        "pad",
        "ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d "
        "ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d",
    ),
    ("channelnorm", "BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d"),
    ("syncnorm", "SyncBatchNorm"),
    ("norm", "LayerNorm GroupNorm RMSNorm LocalResponseNorm"),
    ("mapnorm", "CrossMapLRN2d"),
    (
        "activation",
        "ReLU ReLU6 LeakyReLU ELU CELU SELU GELU SiLU Mish Softplus Softsign Softshrink Hardshrink "
        "Tanhshrink Hardtanh Hardsigmoid Hardswish Sigmoid LogSigmoid Tanh Threshold GLU",
    ),
    ("slopes", "PReLU RReLU"),
    ("softmax", "Softmax LogSoftmax Softmin Softmax2d"),
    ("dropout", "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout"),
    ("droppath", "DropPath"),
    ("linear", "Linear Identity"),
    ("embedding", "Embedding EmbeddingBag"),
    ("recurrent", "RNN LSTM GRU"),
    ("cell", "RNNCell LSTMCell GRUCell"),
    ("attention", "MultiheadAttention"),
    ("transformer", "TransformerEncoderLayer TransformerDecoderLayer TransformerEncoder TransformerDecoder"),
    ("encdec", "Transformer"),
    ("dotproduct", "ScaledDotProductAttention"),
    ("resize", "Upsample UpsamplingNearest2d UpsamplingBilinear2d Interpolate"),
    ("pixel", "PixelShuffle PixelUnshuffle"),
    ("fold", "Unfold Fold"),
    ("shuffle", "ChannelShuffle"),
    ("grid", "GridSample AffineGrid"),
    ("reshape", "Flatten Unflatten Reshape"),
    ("axes", "Permute Transpose Squeeze Unsqueeze Expand"),
    ("move", "MoveDim"),
    ("cut", "Select Slice Narrow Roll Pad"),
    ("repeat", "Repeat Tile RepeatInterleave Flip"),
    ("gather", "Where Gather IndexSelect"),
    ("index", "Index OneHot"),
    ("mask", "MaskedFill Triu Tril"),
    ("split", "Chunk Split Unbind"),
    ("reduce", "Mean Sum Prod Std Var Norm LogSumExp CumSum"),
    ("running", "CumProd"),
    ("truth", "Any All"),
    ("extremum", "Max Min AMax AMin ArgMax ArgMin Sort TopK"),
    ("elementwise", "Exp Log Sqrt Rsqrt Abs Neg Sin Cos Erf Clamp Pow Cast"),
    (
        "curve",
        "Expm1 Log1p Exp2 Log2 Log10 Tan Asin Acos Atan Sinh Cosh Reciprocal Square Floor Ceil Round Trunc Sign "
        "LogicalNot",
    ),
    ("merge", "Add Sub Mul Cat Stack"),
    ("quotient", "Div"),
    ("comparison", "Eq Ne Gt Ge Lt Le Maximum Minimum LogicalAnd LogicalOr LogicalXor"),
    ("product", "MatMul Einsum"),
    ("vector", "Normalize Outer BMM"),
    ("distance", "CosineSimilarity PairwiseDistance"),
    ("bilinear", "Bilinear"),
    ("parameter", "Parameter"),
    ("buffer", "Buffer"),
    ("loss", "L1Loss MSELoss SmoothL1Loss HuberLoss KLDivLoss HingeEmbeddingLoss SoftMarginLoss"),
    ("likelihood", "PoissonNLLLoss GaussianNLLLoss"),
    ("binary", "BCELoss BCEWithLogitsLoss MultiLabelSoftMarginLoss"),
    ("pairloss", "MarginRankingLoss CosineEmbeddingLoss TripletMarginLoss TripletMarginWithDistanceLoss"),
    ("classloss", "CrossEntropyLoss NLLLoss NLLLoss2d"),
    ("marginloss", "MultiMarginLoss MultiLabelMarginLoss"),
    ("linearloss", "LinearCrossEntropyLoss"),
    ("rareclasses", "AdaptiveLogSoftmaxWithLoss"),
    ("ctc", "CTCLoss"),
)

MODULES: dict[str, str] = {name: module for module, line in FAMILIES for name in line.split()}


@cache
def find(name: str) -> type[Operator]:
    """The operator class of that name, its module imported now if it was not. Raises KeyError for an unknown name."""
    module = import_module(f"shapecalc.ops.{MODULES[name]}")
    found: type[Operator] = getattr(module, name)
    return found
