"""Find the latent vectors of given images.

The image that a generator makes of the vector found is near the given one;
axes then edit it. How near, and whether near enough, is a part of the answer.
"""

import dataclasses
import logging
import typing

import numpy as np
import tensorflow as tf

from keras_gans import checks
from keras_gans import images as pixels
from keras_gans.checks import UserError
from keras_gans.latents.projection import project
from keras_gans.verbs import Labels, Latents

logger = logging.getLogger("keras_gans")

_COMPARED = 64  # drawn images that tell how far apart images are
_BATCH = 16  # of which so many are made at once
_EPSILON = 1e-10  # least squared length of a vector of channels
# Of the mean distance between drawn images.
_FAR = 0.6


class Inversion(typing.NamedTuple):
    """What `invert` found, a row per image.

    Attributes:
        latents: float32 `[count, latent_dim]`.
        images: uint8 `[count, height, width, 3]`, made of `latents`.
        targets: uint8, the same shape: the given images at this size.
        curve: float32 `[steps, count]`, the objective before each step.
        pixel_error: float32 `[count]`, mean absolute difference between
            `images` and `targets` in parts of the full range.
        feature_error: float32 `[count]`, the perceptual term, or None.
        far_error: float, the pixel error above which an image is too far.
    """

    latents: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    curve: np.ndarray
    pixel_error: np.ndarray
    feature_error: np.ndarray | None
    far_error: float

    @property
    def is_far(self):
        """bool `[count]`, which are too far from their targets to edit."""
        return self.pixel_error > self.far_error


def noise_verb(generator):
    """Return the first verb of a live model that makes images from noise.

    Raises:
        UserError: if there is none, or the model is not a live one.
    """
    verbs = getattr(generator, "verbs", None)
    if not callable(verbs):
        raise UserError(
            "generator must be a live model, as read_model of "
            "keras_gans.serving.loading reads it from a run folder or a "
            ".keras file; what is loaded for use or from a SavedModel has no "
            f"gradients. Received: {type(generator).__name__}"
        )
    for verb in verbs():
        kinds = {type(one) for one in verb.inputs.values()}
        if Latents in kinds and kinds <= {Latents, Labels}:
            return verb
    raise UserError(
        "generator must make images from latents. Received: "
        f"{type(generator).__name__}"
    )


def generated(verb, latents, labels=None):
    """Return the images of latents, a few at a time.

    Args:
        verb: as of `noise_verb`.
        latents: float32 `[count, latent_dim]`.
        labels: float32 `[count, vector_size]` or None.

    Returns:
        uint8 `[count, height, width, 3]`.
    """
    inputs = {verb.input(Latents)[0]: latents}
    if labels is not None:
        inputs[verb.input(Labels)[0]] = labels
    parts = [
        slice(first, first + _BATCH) for first in range(0, len(latents), _BATCH)
    ]
    made = [
        verb.function(**{name: rows[part] for name, rows in inputs.items()})
        for part in parts
    ]
    return np.concatenate([pixels.to_uint8(part) for part in made])


def invert(
    generator,
    images,
    *,
    labels=None,
    candidates=64,
    steps=300,
    learning_rate=0.1,
    pixel_weight=1.0,
    perceptual_weight=0.1,
    prior_weight=0.1,
    features=None,
    encoder=None,
    seed=0,
    progress=None,
):
    """Find latents whose images are near to given ones.

    The best of `candidates` random vectors, and of the encoder's, moves down
    the gradient of the objective, see `latents.projection.project`. Images are
    searched side by side and make no difference to one another.

    Args:
        generator: a live model whose verb makes images from latents.
        images: uint8 `[count, height, width, 3]`, or a list of `[height,
            width, 3]` of any sizes; scaled and cropped to the generator's
            size.
        labels: of a generator with labels, those of the images, as of
            `keras_gans.verbs.Verb.drawn`; they stay as they are.
        candidates: int from 1 up.
        steps: int from 0 up.
        learning_rate: float from 0 up.
        pixel_weight: float from 0 up, of the mean absolute difference in
            parts of the full range.
        perceptual_weight: float from 0 up, of the squared difference of the
            feature maps' unit vectors, mean over positions and sum over
            channels and maps; this is LPIPS without learned weights.
        prior_weight: float from 0 up, for normal latents, of (|z|^2 / d -
            1)^2, which keeps them as long as drawn ones. Uniform latents are
            clipped to [-1, 1].
        features: function of float32 images in [-1, 1], of the generator's
            size, to a list of maps `[count, height, width, channels]`, with
            gradients. Default: no perceptual term.
        encoder: function of the same to latents, such as the model of
            `latents.encoder.train_encoder`. Default: none.
        seed: int from 0 to below 2**32, of the random vectors.
        progress: as of `project`.

    Returns:
        `Inversion`. An image is too far to be edited honestly if what was
        found is not clearly nearer to it than any two generated images are to
        one another: if its pixel error is above 0.6 of their mean distance. A
        warning tells how many are.

    Raises:
        UserError: if an argument does not fit.

    Measured on held-out drawn faces of 64 pixels, with two generators of some
    ten minutes' training on two cores:
        With the defaults the mean pixel error is 0.041 (largest 0.071, 100
        faces) for DCGAN and 0.053 (0.078, 60 faces) for the progressive GAN;
        of the best start, without steps, 0.086 and 0.095 (20 faces). The
        limit was 0.080 for both. No face was too far; of ten each, after 150
        steps, all photographs of real faces, cars and birds, drawings,
        sketches, negatives and noise were. Of 10, DCGAN and progressive GAN:
        plain colors 9 and 8, faces with red and blue exchanged 6 and 10,
        shifted by 8 pixels 3 and 4, upside down 2 and 2. The factor of 0.6 was
        chosen on these images; with 0.5 a face was too far.
        Other settings, 20 faces, DCGAN, 200 steps: the squared error in place
        of the absolute one 0.044 against 0.040; no prior 0.040, with |z|^2 /
        d of 1.43 in place of 1.01; noise of 0.3 0.042; one random start 0.041;
        the best of four searches 0.040.
        The encoder's start, DCGAN with 500 steps of training at 32 filters:
        0.052 against 0.058 after 20 steps, 0.041 against 0.043 after 100.
        Progressive GAN, 1,000 at 16: 0.060 against 0.066, 0.054 against
        0.056, and 0.053 either way after 300.

    Reference:
        Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features
        as a Perceptual Metric", arXiv:1801.03924, eq. 1.
    """
    verb = noise_verb(generator)
    checks.at_least(1, candidates=candidates)
    checks.number(
        0,
        pixel_weight=pixel_weight,
        perceptual_weight=perceptual_weight,
        prior_weight=prior_weight,
    )
    checks.seed(seed)
    images = _checked(images)
    if verb.input(Labels)[1] is not None and labels is None:
        raise UserError(
            "labels must be given for a generator with labels. Received: None"
        )
    name, noise = verb.input(Latents)
    drawn = generated(verb, *verb.drawn(_COMPARED, seed))
    far_error = _FAR * float(_errors(drawn, np.roll(drawn, 1, 0)).mean())
    targets = np.stack([pixels.fit(one, *drawn.shape[1:3]) for one in images])
    floats = pixels.to_float(targets)

    starts = noise.draw(candidates, seed)
    starts = np.repeat(starts[None], len(targets), axis=0)
    if encoder is not None:
        starts = np.append(starts, _encoded(encoder, floats, noise), axis=1)
    _, vectors = verb.drawn(1, 0, starts[:, 0], labels)
    given = {} if vectors is None else {verb.input(Labels)[0]: vectors}
    objective = _Objective(
        function=verb.function,
        name=name,
        features=_checked_features(features, floats),
        pixel_weight=pixel_weight,
        perceptual_weight=perceptual_weight,
        prior_weight=prior_weight if noise.distribution == "normal" else 0.0,
    )
    found = project(
        objective,
        starts,
        inputs=[floats, objective.maps(floats), given],
        steps=steps,
        learning_rate=learning_rate,
        limit=1.0 if noise.distribution == "uniform" else None,
        seed=seed,
        progress=progress,
    )
    if not np.isfinite(found.losses).all():
        raise UserError(
            "generator must make finite images. Received: NaN or infinity"
        )
    latents = found.latents.numpy()
    made = generated(verb, latents, vectors)
    of_features = None
    if features is not None:
        maps = objective.maps(pixels.to_float(made))
        of_features = _map_errors(maps, objective.maps(floats)).numpy()
    errors = _errors(made, targets)
    inversion = Inversion(
        *(latents, made, targets, found.curve.numpy()),
        *(errors, of_features, far_error),
    )
    if inversion.is_far.any():
        logger.warning(
            "%d of %d images are too far from the generator's to be edited "
            "honestly: %.3f and more of the full range from what was found, "
            "where drawn images are %.3f from one another",
            *(inversion.is_far.sum(), len(errors)),
            *(errors[inversion.is_far].min(), far_error / _FAR),
        )
    return inversion


@dataclasses.dataclass(frozen=True)
class _Objective:
    """The distance of images from targets; equal ones are traced once."""

    function: typing.Callable
    name: str
    features: typing.Callable | None
    pixel_weight: float
    perceptual_weight: float
    prior_weight: float

    def __call__(self, latents, targets, target_maps, given):
        images = self.function(**{self.name: latents}, **given)
        difference = tf.abs(images - targets) / 2.0
        losses = self.pixel_weight * tf.reduce_mean(difference, (1, 2, 3))
        if self.features is not None and self.perceptual_weight:
            errors = _map_errors(self.maps(images), target_maps)
            losses += self.perceptual_weight * errors
        if self.prior_weight:
            length = tf.reduce_mean(latents**2, axis=-1)
            losses += self.prior_weight * (length - 1.0) ** 2
        return losses

    def maps(self, images):
        """Return the feature maps, their vectors of channels of length 1."""
        if self.features is None:
            return []
        return [
            tf.math.l2_normalize(tf.cast(one, tf.float32), -1, _EPSILON)
            for one in self.features(images)
        ]


def _checked(images):
    """Return images as a list, or raise."""
    rule = "images must be uint8 [count, height, width, 3] or a list of such"
    if not isinstance(images, (list, tuple, np.ndarray)) or not len(images):
        raise UserError(f"{rule}. Received: {type(images).__name__}")
    images = [np.asarray(one) for one in images]
    for one in images:
        is_image = one.dtype == np.uint8 and one.ndim == 3 and one.size
        if not is_image or one.shape[2] != 3:
            raise UserError(
                f"{rule}. Received an image of {one.dtype.name} {one.shape}"
            )
    return images


def _checked_features(features, floats):
    """Try the features on an image; maps without gradients are refused."""
    if features is None:
        return None
    rule = (
        "features must be a function of float images to a list of maps [count, "
        "height, width, channels] with gradients"
    )
    if not callable(features):
        raise UserError(f"{rule}. Received: {features!r}")
    image = floats[:1]
    with tf.GradientTape() as tape:
        tape.watch(image)
        maps = features(image)
        is_list = isinstance(maps, (list, tuple)) and len(maps)
        if not is_list or any(len(one.shape) != 4 for one in maps):
            raise UserError(f"{rule}. Received: {type(maps).__name__}")
        total = tf.add_n([tf.reduce_sum(one) for one in maps])
    if tape.gradient(total, image) is None:
        raise UserError(f"{rule}. Received: maps without gradients")
    return features


def _encoded(encoder, floats, noise):
    """Return the encoder's latents as one more candidate for each image."""
    if not callable(encoder):
        raise UserError(
            "encoder must be a function of float images to latents. "
            f"Received: {encoder!r}"
        )
    latents = np.asarray(encoder(floats), np.float32)
    if latents.shape != (len(floats), noise.size):
        raise UserError(
            f"encoder must return latents of shape [count, {noise.size}]. "
            f"Received shape: {latents.shape}"
        )
    if noise.distribution == "normal":
        # Of the least squared error are latents shorter than drawn ones.
        length = np.linalg.norm(latents, axis=-1, keepdims=True)
        latents = latents * noise.size**0.5 / np.maximum(length, _EPSILON)
    return latents[:, None]


def _map_errors(maps, others):
    return tf.add_n(
        [
            tf.reduce_mean(tf.reduce_sum((x - y) ** 2, axis=-1), axis=(1, 2))
            for x, y in zip(maps, others, strict=True)
        ]
    )


def _errors(images, others):
    """Return the mean absolute differences of uint8 images, of 0 to 1."""
    return np.array(
        [
            np.abs(np.float32(one) - other).mean() / 255.0
            for one, other in zip(images, others, strict=True)
        ],
        np.float32,
    )
