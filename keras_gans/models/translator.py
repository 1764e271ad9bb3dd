"""Translator: a generator with converted weights, for inference only."""

import keras
import tensorflow as tf

from keras_gans import checks, networks
from keras_gans.checks import UserError
from keras_gans.training.base import InferenceModel, check_images
from keras_gans.verbs import Images, Verb

_NETWORKS = ("resnet_generator", "unet_generator")


@keras.saving.register_keras_serializable("keras_gans")
class Translator(InferenceModel):
    """A generator for translation and export, without training.

    It takes and returns color images. A network with one input channel gets
    their luminance; one output channel is repeated three times. The original
    reads and writes images in the same way.

    Args:
        network: `"resnet_generator"` or `"unet_generator"`.
        arguments: dict, keyword arguments of that function in
            `keras_gans.networks`. `input_shape`, with open height and width,
            and `output_channels` have 1 or 3 channels.
        image_size: int, pixels, the size of training; exports are tested at
            it. For a ResNet a multiple of 4, default 256; for a U-Net a
            multiple of 2 ** `num_downsamples`, the default.

    Returns:
        `model(images)` is the generator's output, with its own channels.
        `model.translate(images)` takes and returns color images.

    Raises:
        UserError: if an argument is invalid.

    Reference:
        github.com/junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py;
        gray images: data/base_dataset.py, util/util.py.
    """

    data_kind = "unpaired"

    def __init__(
        self, network, arguments, image_size=None, name="translator", **kwargs
    ):
        if network not in _NETWORKS:
            raise UserError(
                f"network must be one of {', '.join(_NETWORKS)}. "
                f"Received: {network!r}"
            )
        super().__init__(name=name, **kwargs)

        self.generator = getattr(networks, network)(**arguments, name=network)
        channels = (
            self.generator.input_shape[-1],
            self.generator.output_shape[-1],
        )
        if not {1, 3}.issuperset(channels):
            raise UserError(
                "network must take and give images, of 1 or 3 channels. "
                "Received: {} channels in, {} out".format(*channels)
            )
        doublings = sum(
            isinstance(layer, keras.layers.Conv2DTranspose)
            for layer in self.generator.layers
        )
        multiple = 2**doublings
        self._is_resnet = network == "resnet_generator"
        if image_size is None:
            image_size = 256 if self._is_resnet else multiple
        if (
            not isinstance(image_size, int)
            or image_size < 8
            or image_size % multiple
        ):
            raise UserError(
                f"image_size must be a multiple of {multiple} from "
                f"{max(multiple, 8)} up. Received: {image_size!r}"
            )

        checks.between(8, checks.MOST_SIDE, image_size=image_size)

        self.network = network
        self.arguments = dict(arguments)
        self.image_size = image_size
        self.size_multiple = multiple  # of images it serves
        self.built = True

    def get_config(self):
        return {
            **super().get_config(),
            "network": self.network,
            "arguments": dict(self.arguments),
            "image_size": self.image_size,
        }

    def call(self, images, training=False):
        return self.generator(self._check_inputs(images), training=training)

    @property
    def call_signature(self):
        channels = self.generator.input_shape[-1]
        return tf.TensorSpec([None, None, None, channels], tf.float32, "images")

    def _check_inputs(self, images):
        channels = self.generator.input_shape[-1]
        return check_images(images, self._multiple, channels)

    @property
    def _multiple(self):
        # A U-Net joins what it halved with what it doubled.
        return 1 if self._is_resnet else self.size_multiple

    def translate(self, images):
        """Translate images.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1]. For a U-Net
                height and width are multiples of 2 ** `num_downsamples`; for
                a ResNet any from 5 up.

        Returns:
            float32, the shape of `images`, in [-1, 1]. A ResNet rounds height
            and width up to multiples of 4, as the original does.

        Raises:
            ValueError: if `images` have another shape.
        """
        images = check_images(images, self._multiple)
        if self.generator.input_shape[-1] == 1:
            images = tf.image.rgb_to_grayscale(images)
        outputs = self.generator(images, training=False)
        if self.generator.output_shape[-1] == 1:
            outputs = tf.image.grayscale_to_rgb(outputs)
        return outputs

    @property
    def networks(self):
        """Tuple with the generator."""
        return (self.generator,)

    def verbs(self):
        """Return the model's verbs."""
        inputs = {"images": Images(self.image_size, self.size_multiple)}
        return [Verb("a_to_b", self.translate, inputs, "a", "b")]
