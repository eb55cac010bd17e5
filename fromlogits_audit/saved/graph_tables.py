"""TensorFlow's operations by what they do to a scale.

Op names are those of ``tensorflow/core/ops``; which ones Keras writes was read off exported models.
"""

from __future__ import annotations

_INFINITE = float("inf")

ACTIVATIONS = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
    "Relu6": "relu6",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
}
"""Operations that are an activation, by Keras's string."""

RANGES = {
    "Softmax": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Softsign": (-1.0, 1.0),
    "Relu": (0.0, _INFINITE),
    "Relu6": (0.0, 6.0),
    "Softplus": (0.0, _INFINITE),
}
"""What their values cannot leave."""

LINEAR = frozenset(
    {
        "MatMul",
        "BatchMatMul",
        "BatchMatMulV2",
        "BatchMatMulV3",
        "_FusedMatMul",
        "Einsum",
        "XlaDot",
        "Conv2D",
        "Conv3D",
        "Conv",
        "_FusedConv2D",
        "DepthwiseConv2dNative",
        "Conv2DBackpropInput",
        "Conv3DBackpropInputV2",
        "FusedBatchNorm",
        "FusedBatchNormV2",
        "FusedBatchNormV3",
        "ResourceGather",
        "ResourceGatherNd",
        "SparseMatMul",
    }
)
"""Fresh unbounded scores."""

KEEP = frozenset(
    {
        "Identity",
        "IdentityN",
        "StopGradient",
        "PreventGradient",
        "Cast",
        "EnsureShape",
        "CheckNumerics",
        "Snapshot",
        "Bitcast",
        "AvgPool",
        "ResizeArea",
        "ResizeBilinear",
        "ResizeNearestNeighbor",
        "AvgPool3D",
        "Squeeze",
        "ExpandDims",
    }
)
"""All values stay what they are."""

RESHAPE = frozenset(
    {
        "Reshape",
        "Transpose",
        "ConjugateTranspose",
        "BatchToSpaceND",
        "SpaceToBatchND",
        "DepthToSpace",
        "SpaceToDepth",
    }
)
"""Values move; the class axis may not survive."""

LOGITS_ONLY = frozenset(
    {
        "MaxPool",
        "MaxPoolV2",
        "MaxPool3D",
        "Pad",
        "PadV2",
        "MirrorPad",
        "Max",
        "Min",
        "Sum",
        "Neg",
        "StridedSlice",
        "Slice",
        "GatherV2",
        "Gather",
        "GatherNd",
        "SplitV",
        "Split",
        "Unpack",
        "Tile",
        "ReverseV2",
        "Select",
        "SelectV2",
    }
)
"""Logits stay logits; of anything else nothing is known."""

DATA = frozenset(
    {
        "Placeholder",
        "ArgMax",
        "ArgMin",
        "Shape",
        "Rank",
        "Size",
        "Range",
        "Fill",
        "ZerosLike",
        "OnesLike",
        "ResourceGatherData",
    }
)
"""No output of a layer."""

VARIABLES = frozenset(
    {
        "ReadVariableOp",
        "VariableV2",
        "Variable",
        "VarHandleOp",
        "_ReadVariablesOp",
    }
)
"""Weights."""
