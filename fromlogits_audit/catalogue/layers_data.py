"""Layer rows: inputs and preprocessing, whose result is data and no output of a model.

tests/test_catalogue.py compares every row with the installed Keras 3 and tf_keras.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.rows import layer

DATA = Effect.DATA

DATA_LAYERS: tuple[LayerSpec, ...] = (
    layer(
        "InputLayer",
        DATA,
        Shape.SAME,
        "shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, "
        "input_tensor=None, optional=False, name=None",
        "core.input_layer",
    ),
    layer(
        "AugMix",
        DATA,
        Shape.SAME,
        "value_range=(0,255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True, "
        "interpolation='bilinear', seed=None, data_format=None",
        "preprocessing.image_preprocessing.aug_mix",
    ),
    layer(
        "AutoContrast",
        DATA,
        Shape.SAME,
        "value_range=(0,255)",
        "preprocessing.image_preprocessing.auto_contrast",
    ),
    layer(
        "CategoryEncoding",
        DATA,
        Shape.UNKNOWN,
        "num_tokens=None, output_mode='multi_hot', sparse=False",
        "preprocessing.category_encoding",
    ),
    layer(
        "CenterCrop",
        DATA,
        Shape.UNKNOWN,
        "height, width, data_format=None",
        "preprocessing.image_preprocessing.center_crop",
    ),
    layer(
        "ContrastLimitedAdaptiveHistogramEqualization",
        DATA,
        Shape.SAME,
        "value_range=(0,255), clip_limit=4.0, tile_grid_size=(8,8), data_format=None",
        "preprocessing.image_preprocessing.clahe",
    ),
    layer(
        "CutMix",
        DATA,
        Shape.SAME,
        "factor=1.0, seed=None, data_format=None",
        "preprocessing.image_preprocessing.cut_mix",
    ),
    layer(
        "Discretization",
        DATA,
        Shape.UNKNOWN,
        "bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode='int', sparse=False, "
        "dtype=None, name=None",
        "preprocessing.discretization",
    ),
    layer(
        "Equalization",
        DATA,
        Shape.SAME,
        "value_range=(0,255), bins=256, data_format=None",
        "preprocessing.image_preprocessing.equalization",
    ),
    layer(
        "HashedCrossing",
        DATA,
        Shape.UNKNOWN,
        "num_bins, output_mode='int', sparse=False, name=None, dtype=None",
        "preprocessing.hashed_crossing",
    ),
    layer(
        "Hashing",
        DATA,
        Shape.UNKNOWN,
        "num_bins, mask_value=None, salt=None, output_mode='int', sparse=False",
        "preprocessing.hashing",
    ),
    layer(
        "IntegerLookup",
        DATA,
        Shape.UNKNOWN,
        "max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None, "
        "vocabulary_dtype='int64', idf_weights=None, invert=False, output_mode='int', sparse=False, "
        "pad_to_max_tokens=False, oov_method='floormod', salt=None, name=None",
        "preprocessing.integer_lookup",
    ),
    layer(
        "MaxNumBoundingBoxes",
        DATA,
        Shape.UNKNOWN,
        "max_number, fill_value=-1",
        "preprocessing.image_preprocessing.max_num_bounding_box",
    ),
    layer(
        "MelSpectrogram",
        DATA,
        Shape.UNKNOWN,
        "fft_length=2048, sequence_stride=512, sequence_length=None, window='hann', "
        "sampling_rate=16000, num_mel_bins=128, min_freq=20.0, max_freq=None, power_to_db=True, "
        "top_db=80.0, mag_exp=2.0, min_power=1e-10, ref_power=1.0",
        "preprocessing.mel_spectrogram",
    ),
    layer(
        "MixUp",
        DATA,
        Shape.SAME,
        "alpha=0.2, data_format=None, seed=None",
        "preprocessing.image_preprocessing.mix_up",
    ),
    layer("Pipeline", DATA, Shape.UNKNOWN, "layers, name=None", "preprocessing.pipeline"),
    layer(
        "RandAugment",
        DATA,
        Shape.SAME,
        "value_range=(0,255), num_ops=2, factor=0.5, interpolation='bilinear', seed=None, data_format=None",
        "preprocessing.image_preprocessing.rand_augment",
    ),
    layer(
        "RandomBrightness",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), seed=None",
        "preprocessing.image_preprocessing.random_brightness",
    ),
    layer(
        "RandomColorDegeneration",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_color_degeneration",
    ),
    layer(
        "RandomColorJitter",
        DATA,
        Shape.SAME,
        "value_range=(0,255), brightness_factor=None, contrast_factor=None, saturation_factor=None, "
        "hue_factor=None, seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_color_jitter",
    ),
    layer(
        "RandomContrast",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), seed=None",
        "preprocessing.image_preprocessing.random_contrast",
    ),
    layer(
        "RandomCrop",
        DATA,
        Shape.UNKNOWN,
        "height, width, seed=None, data_format=None, name=None",
        "preprocessing.image_preprocessing.random_crop",
    ),
    layer(
        "RandomElasticTransform",
        DATA,
        Shape.SAME,
        "factor=1.0, scale=1.0, interpolation='bilinear', fill_mode='reflect', fill_value=0.0, "
        "value_range=(0,255), seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_elastic_transform",
    ),
    layer(
        "RandomErasing",
        DATA,
        Shape.SAME,
        "factor=1.0, scale=(0.02,0.33), fill_value=None, value_range=(0,255), seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_erasing",
    ),
    layer(
        "RandomFlip",
        DATA,
        Shape.SAME,
        "mode='horizontal_and_vertical', seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_flip",
    ),
    layer(
        "RandomGaussianBlur",
        DATA,
        Shape.SAME,
        "factor=1.0, kernel_size=3, sigma=1.0, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_gaussian_blur",
    ),
    layer(
        "RandomGrayscale",
        DATA,
        Shape.SAME,
        "factor=0.5, data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_grayscale",
    ),
    layer(
        "RandomHue",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_hue",
    ),
    layer(
        "RandomInvert",
        DATA,
        Shape.SAME,
        "factor=1.0, value_range=(0,255), seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_invert",
    ),
    layer(
        "RandomPerspective",
        DATA,
        Shape.SAME,
        "factor=1.0, scale=1.0, interpolation='bilinear', fill_value=0.0, seed=None, data_format=None",
        "preprocessing.image_preprocessing.random_perspective",
    ),
    layer(
        "RandomPosterization",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_posterization",
    ),
    layer(
        "RandomRotation",
        DATA,
        Shape.SAME,
        "factor, fill_mode='reflect', interpolation='bilinear', seed=None, fill_value=0.0, data_format=None",
        "preprocessing.image_preprocessing.random_rotation",
    ),
    layer(
        "RandomSaturation",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_saturation",
    ),
    layer(
        "RandomSharpness",
        DATA,
        Shape.SAME,
        "factor, value_range=(0,255), data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_sharpness",
    ),
    layer(
        "RandomShear",
        DATA,
        Shape.SAME,
        "x_factor=0.0, y_factor=0.0, interpolation='bilinear', fill_mode='reflect', fill_value=0.0, "
        "data_format=None, seed=None",
        "preprocessing.image_preprocessing.random_shear",
    ),
    layer(
        "RandomTranslation",
        DATA,
        Shape.SAME,
        "height_factor, width_factor, fill_mode='reflect', interpolation='bilinear', seed=None, "
        "fill_value=0.0, data_format=None",
        "preprocessing.image_preprocessing.random_translation",
    ),
    layer(
        "RandomZoom",
        DATA,
        Shape.SAME,
        "height_factor, width_factor=None, fill_mode='reflect', interpolation='bilinear', seed=None, "
        "fill_value=0.0, data_format=None",
        "preprocessing.image_preprocessing.random_zoom",
    ),
    layer(
        "STFTSpectrogram",
        DATA,
        Shape.UNKNOWN,
        "mode='log', frame_length=256, frame_step=None, fft_length=None, window='hann', "
        "periodic=False, scaling='density', padding='valid', expand_dims=False, data_format=None",
        "preprocessing.stft_spectrogram",
    ),
    layer(
        "Solarization",
        DATA,
        Shape.SAME,
        "addition_factor=0.0, threshold_factor=0.0, value_range=(0,255), seed=None",
        "preprocessing.image_preprocessing.solarization",
    ),
    layer(
        "StringLookup",
        DATA,
        Shape.UNKNOWN,
        "max_tokens=None, num_oov_indices=1, mask_token=None, oov_token='[UNK]', vocabulary=None, "
        "idf_weights=None, invert=False, output_mode='int', pad_to_max_tokens=False, sparse=False, "
        "encoding='utf-8', name=None, salt=None",
        "preprocessing.string_lookup",
    ),
    layer(
        "TextVectorization",
        DATA,
        Shape.UNKNOWN,
        "max_tokens=None, standardize='lower_and_strip_punctuation', split='whitespace', "
        "ngrams=None, output_mode='int', output_sequence_length=None, pad_to_max_tokens=False, "
        "vocabulary=None, idf_weights=None, sparse=False, ragged=False, encoding='utf-8', name=None",
        "preprocessing.text_vectorization",
    ),
    layer(
        "DenseFeatures",
        DATA,
        Shape.UNKNOWN,
        "feature_columns, trainable=True, name=None",
        "tf_keras.src.feature_column.dense_features_v2",
    ),
    layer(
        "RandomHeight",
        DATA,
        Shape.UNKNOWN,
        "factor, interpolation='bilinear', seed=None",
        "tf_keras.src.layers.preprocessing.image_preprocessing",
    ),
    layer(
        "RandomWidth",
        DATA,
        Shape.UNKNOWN,
        "factor, interpolation='bilinear', seed=None",
        "tf_keras.src.layers.preprocessing.image_preprocessing",
    ),
)
