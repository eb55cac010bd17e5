"""Ready-made heads of keras_hub, keras_nlp, keras_cv, segmentation_models and Hugging Face: what they yield.

Families whose classes all document the same are one row with a pattern; the first row that fits
wins, so exceptions stand above their family. Nothing here is checked against an installed
package (they are large and need presets): each row names the source it was read from, and the
tests hold the families and their exceptions.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from fromlogits_audit.catalogue.interface import HeadSpec

_HUB = "keras_hub 0.32 src/models/"
_CV = "keras_cv 0.10 models/"
_HF = "transformers 4 src/transformers/modeling_tf_utils.py"
_HUB_OR_NLP = r"(?:keras_hub|keras_nlp)\.models\."
_WORD = r"\w*"


def _hub(
    pattern: str,
    source: str,
    activation: str | None = None,
    *,
    parameter: str | None = "activation",
    units: str | None = "num_classes",
    output: str | None = None,
    known: bool = True,
) -> tuple[str, HeadSpec]:
    """A row for keras_hub and for keras_nlp, its former name."""
    spec = HeadSpec(pattern, activation, _HUB + source, parameter, units, output, known)
    return f"{_HUB_OR_NLP}(?:{pattern})", spec


def _cv(
    pattern: str, activation: str | None, source: str, parameter: str | None = None, *, known: bool = True
) -> tuple[str, HeadSpec]:
    """A row for keras_cv."""
    spec = HeadSpec(pattern, activation, _CV + source, parameter, "num_classes", known=known)
    return rf"keras_cv\.models\.(?:{pattern})", spec


def _tf(pattern: str, output: str = "logits", units: str | None = "num_labels") -> tuple[str, HeadSpec]:
    """A row for the TensorFlow models of Hugging Face, which return an object with logits."""
    spec = HeadSpec(pattern, None, _HF, None, units, output)
    return rf"transformers\.TF(?:{pattern})", spec


def _segmentation(pattern: str, activation: str, classes: int) -> tuple[str, HeadSpec]:
    """A row for the models of segmentation_models."""
    positional = ("backbone_name", "input_shape", "classes", "activation")
    source = "segmentation_models 1.0 segmentation_models/models/"
    spec = HeadSpec(
        pattern, activation, source, "activation", "classes", positional=positional, classes=classes
    )
    return rf"segmentation_models\.(?:models\.)?(?:{pattern})", spec


HEADS: tuple[tuple[str, HeadSpec], ...] = (
    # Eight maps (one refined, seven coarse), each through a sigmoid.
    _hub("BASNetImageSegmenter", "basnet/basnet.py", "sigmoid", parameter=None),
    _hub("SAMImageSegmenter", "sam/sam_image_segmenter.py", parameter=None, units=None, known=False),
    # The docstring of ImageClassifier says softmax; its code passes None to Dense.
    _hub(f"{_WORD}ImageClassifier", "image_classifier.py:97"),
    _hub(f"{_WORD}TextClassifier", "text_classifier.py:90"),
    _hub("ESMProteinClassifier", "esm/esm_classifier.py"),
    # keras_nlp's and keras_hub's older names: BertClassifier, RobertaClassifier ...
    _hub(
        "(?:Albert|Bert|DebertaV3|DistilBert|FNet|Roberta|RoformerV2|XLMRoberta)Classifier",
        "bert/bert_text_classifier.py:131",
    ),
    _hub(f"{_WORD}ImageSegmenter", "image_segmenter.py:57"),
    _hub(f"{_WORD}ObjectDetector", "object_detector.py:70", output="cls_logits"),
    _hub(f"{_WORD}CausalLM", "causal_lm.py:113", parameter=None, units=None),
    _hub(f"{_WORD}Seq2SeqLM", "seq_2_seq_lm.py", parameter=None, units=None),
    _hub(f"{_WORD}Masked(?:LM|PLM)", "masked_lm.py:78", parameter=None, units=None),
    _hub(f"{_WORD}DepthEstimator", "depth_estimator.py:231", parameter=None, units=None, known=False),
    _hub(
        f"{_WORD}(?:TextToImage|ImageToImage|Inpaint|AudioToText)",
        "text_to_image.py",
        parameter=None,
        units=None,
        known=False,
    ),
    _cv("ImageClassifier", "softmax", "classification/image_classifier.py:84", "activation"),
    _cv("VideoClassifier", "softmax", "classification/video_classifier.py:86", "activation"),
    _cv("SegFormer(?:B[0-5])?", "softmax", "segmentation/segformer/segformer.py:139"),
    _cv("DeepLabV3Plus", "softmax", "segmentation/deeplab_v3_plus/deeplab_v3_plus.py:188"),
    _cv("BASNet|RetinaNet|YOLOV8Detector|FasterRCNN", None, "segmentation, object_detection", known=False),
    _segmentation("Unet|Linknet", "sigmoid", 1),
    _segmentation("FPN|PSPNet", "softmax", 21),
    _tf(f"{_WORD}ForQuestionAnswering", "start_logits", None),
    _tf(f"{_WORD}ForPreTraining", "prediction_logits", None),
    _tf(f"{_WORD}For(?:CausalLM|MaskedLM|ConditionalGeneration|Seq2SeqLM)", "logits", None),
    _tf(f"{_WORD}(?:LMHeadModel|WithLMHead)", "logits", None),
    _tf(f"{_WORD}For(?:MultipleChoice|NextSentencePrediction)", "logits", None),
    _tf(f"{_WORD}For(?:Sequence|Token|Image|Audio|Video)Classification"),
    _tf(f"{_WORD}ForSemanticSegmentation"),
)


@cache
def head(canonical: str) -> HeadSpec | None:
    """The spec of a ready-made model class, by canonical name; ``from_preset`` yields the same.

    ``canonical`` names the class (``keras_hub.models.BertTextClassifier``,
    ``transformers.TFBertForSequenceClassification``), not its ``from_preset``.
    """
    if not canonical.startswith(("keras_", "transformers.", "segmentation_models.")):
        return None
    for pattern, spec in HEADS:
        if re.fullmatch(pattern, canonical):
            return replace(spec, name=canonical)
    return None


def is_output_record(canonical: str) -> bool:
    """Whether a class of transformers holds what it is given: ``TFSequenceClassifierOutput(logits=...)``."""
    return canonical.startswith("transformers.TF") and "Output" in canonical
