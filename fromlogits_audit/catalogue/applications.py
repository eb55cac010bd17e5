"""The constructors of ``keras.applications``: with their top on, they end in ``classifier_activation``.

Names and parameters are those of Keras 3, and of tf_keras for RegNet and ResNetRS, which only it
has. The tests walk both installed packages. ``name`` is the last parameter of all and left out.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import ApplicationSpec
from fromlogits_audit.catalogue.rows import params

_IMAGE = "input_tensor=None, input_shape=None, pooling=None"
_TOP = "classes=1000, classifier_activation='softmax'"
_PLAIN = f"include_top=True, weights='imagenet', {_IMAGE}, {_TOP}"
_CONVNEXT = f"include_top=True, include_preprocessing=True, weights='imagenet', {_IMAGE}, {_TOP}"
_NASNET = f"input_shape=None, include_top=True, weights='imagenet', input_tensor=None, pooling=None, {_TOP}"
_MOBILE = f"include_top=True, weights='imagenet', input_tensor=None, pooling=None, {_TOP}"
_MOBILE_V3 = (
    "input_shape=None, alpha=1.0, minimalistic=False, include_top=True, weights='imagenet', "
    "input_tensor=None, classes=1000, pooling=None, dropout_rate=0.2, classifier_activation='softmax', "
    "include_preprocessing=True"
)
_RESNET_RS = (
    "include_top=True, weights='imagenet', classes=1000, input_shape=None, input_tensor=None, "
    "pooling=None, classifier_activation='softmax', include_preprocessing=True"
)
_REGNET_SIZES = "002 004 006 008 016 032 040 064 080 120 160 320"

# (module, constructors, parameters)
_FAMILIES: tuple[tuple[str, str, str], ...] = (
    ("convnext", "ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge", _CONVNEXT),
    ("densenet", "DenseNet121 DenseNet169 DenseNet201", _PLAIN),
    ("efficientnet", " ".join(f"EfficientNetB{size}" for size in range(8)), _PLAIN),
    (
        "efficientnet_v2",
        " ".join(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
        f"{_PLAIN}, include_preprocessing=True",
    ),
    ("inception_resnet_v2", "InceptionResNetV2", _PLAIN),
    ("inception_v3", "InceptionV3", _PLAIN),
    (
        "mobilenet",
        "MobileNet",
        f"input_shape=None, alpha=1.0, depth_multiplier=1, dropout=0.001, {_MOBILE}",
    ),
    ("mobilenet_v2", "MobileNetV2", f"input_shape=None, alpha=1.0, {_MOBILE}"),
    ("mobilenet_v3", "MobileNetV3Small MobileNetV3Large", _MOBILE_V3),
    ("nasnet", "NASNetMobile NASNetLarge", _NASNET),
    ("resnet", "ResNet50 ResNet101 ResNet152", _PLAIN),
    ("resnet_v2", "ResNet50V2 ResNet101V2 ResNet152V2", _PLAIN),
    ("vgg16", "VGG16", _PLAIN),
    ("vgg19", "VGG19", _PLAIN),
    ("xception", "Xception", _PLAIN),
)


def _regnet(name: str) -> ApplicationSpec:
    signature = f"model_name='{name.lower()}', {_CONVNEXT}"
    source = "tf_keras.src.applications.regnet"
    return ApplicationSpec(f"keras.applications.{name}", params(signature), source)


APPLICATIONS: tuple[ApplicationSpec, ...] = (
    *(
        ApplicationSpec(f"keras.applications.{name}", params(signature), f"keras.src.applications.{module}")
        for module, names, signature in _FAMILIES
        for name in names.split()
    ),
    *(
        ApplicationSpec(
            f"keras.applications.ResNetRS{size}", params(_RESNET_RS), "tf_keras.src.applications.resnet_rs"
        )
        for size in (50, 101, 152, 200, 270, 350, 420)
    ),
    *(_regnet(f"RegNet{kind}{size}") for kind in "XY" for size in _REGNET_SIZES.split()),
)
_BY_NAME: dict[str, ApplicationSpec] = {spec.name: spec for spec in APPLICATIONS}


def application(canonical: str) -> ApplicationSpec | None:
    """The row of a constructor, by canonical name (``keras.applications.ResNet50``)."""
    return _BY_NAME.get(canonical)
