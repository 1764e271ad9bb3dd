"""Fast style transfer: one network that paints any image in one style.

A style is what the features of an image network have in common over the
whole image, their Gram matrices; content is where the features are. The
generator learns to keep the content of its input and to take the style of
one image, which is given before training.
"""

import functools
import logging

import keras
import numpy as np
import tensorflow as tf

from keras_gans import checks, files, images, losses, style_images
from keras_gans.checks import UserError
from keras_gans.networks import style_network
from keras_gans.networks.style import LEAST_SIDE
from keras_gans.networks.vgg import about, channels, default_preprocessing, vgg
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb

logger = logging.getLogger("keras_gans")

SAVED = "saved"
_STYLE_LAYERS = "relu1_2", "relu2_2", "relu3_3", "relu4_3"
_CAFFE_LOSS_WEIGHTS = {"content": 1.0, "style": 5.0, "total_variation": 1e-6}


@keras.saving.register_keras_serializable("keras_gans")
class StyleNetwork(BaseModel):
    """An image network trained by perceptual losses, for one style.

    The style image is read by `compile()`. Its Gram matrices are weights of
    the model: a saved one is trained on without the image. The network of the
    losses, VGG, is made when it is needed and never saved; images are
    stylized and exported without it.

    Args:
        style: the style image: path of a file; `"drawn"` or `"drawn:SEED"`,
            a texture of strokes that the package draws; or `"saved"`, that of
            a saved model whose weights are loaded next. Default `"drawn"`.
        style_size: int from 16 up, pixels: a style image whose longer side is
            larger is scaled down. Strokes come out as large as they are in
            it. Default 512.
        image_size: int, pixels, a multiple of 4 from 16 up, the side of the
            images of training. Default 256.
        base_filters: int, channels of the generator's first convolution.
            Default 32.
        num_residual_blocks: int. Default 5.
        vgg_name: `"vgg16"` or `"vgg19"`, the network of the losses.
        vgg_weights: its weights: None, random ones of `vgg_seed`;
            `"imagenet"`, which Keras downloads on first use; or a file of
            torchvision or Keras, see `networks.vgg.load_weights`.
        vgg_preprocessing: `"torchvision"` or `"caffe"`, what these weights
            were trained with. Default: caffe for `"imagenet"` and files of
            Keras (.h5), else torchvision.
        vgg_filters: int, channels of its first convolution. Default 64, that
            of trained networks.
        vgg_seed: int. Default 0.
        vgg_hash: str, the SHA-256 of a file of weights, which other files
            must not replace. Default: that of the file that is there first.
        content_layer: str. Default `"relu2_2"`.
        style_layers: list of str, or dict from layer to float, its weight.
            Default: relu1_2, relu2_2, relu3_3 and relu4_3, each 1.

    Batch:
        images: float32 `[batch, image_size, image_size, 3]` in [-1, 1].

    Returns:
        `model(images)`, `model.stylize(images)`: float32, the shape of
        `images`, in [-1, 1]. Height and width are any from 5 up.

    Raises:
        UserError: if an argument does not fit, or, by `compile()`, the style
            image or the weights of VGG cannot be read.

    Losses:
        With y the generator's output for x, and F the features of VGG:
        g_content, weight 1e5: (F_content(y) - F_content(x))^2, eq. 2.
        g_style, weight 1e10: over the style layers, (Gram(F(y)) -
            Gram(F(style)))^2, mean over the matrix, eq. 3 and 4; Gram
            matrices are divided by height * width * channels.
        g_total_variation, weight 0: the squared differences of neighbors, in
            levels of 0 to 255, summed over an image, section 3.2.
        These weights are those of the code for PyTorch. Where VGG is
        preprocessed as in Caffe, features are some 60 times larger, and the
        weights are those of the authors' code: 1, 5 and 1e-6. Where VGG has
        random weights they are 1, vgg_filters^2 / 4 and 0, with which images
        change about as much for the style as for the content: Gram matrices
        of features without order get smaller with their number.

    Departures:
        As the code for PyTorch: instance normalization, reflection padding in
        front of every convolution and upsampling to the nearest pixel, where
        the paper has batch normalization, one padding of 40 pixels and
        transposed convolutions; an output that is not bounded in training,
        where the paper has a scaled tanh; the mean over a matrix where eq. 4
        has the sum. Outputs are clipped, and cut to the size of the input.
        The code keeps the style image's size, see `style_size`, and trains
        for two epochs of COCO, about the paper's 40,000 steps.
        The authors' code takes the content of relu3_3.
        Random weights of VGG are no part of either: they spare a download
        and give colors and strokes, but less of larger forms.

    Demonstration:
        Without data: photos of the embedded faces at 64 pixels,
        `style="drawn:1"`, `base_filters=16`, `vgg_filters=32`, a rate of
        3e-3, `ema=0.998`; 5,000 steps in bfloat16, without it 3,000.

    Reference:
        Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time
        Style Transfer and Super-Resolution", arXiv:1603.08155.
        github.com/pytorch/examples at 77f55b91, fast_neural_style;
        github.com/jcjohnson/fast-neural-style.
        He, Wang and Hopcroft 2016, arXiv:1606.04801, for random weights.
    """

    data_kind = "single"
    needed = ("style",)
    terms = {"generator": ("content", "style", "total_variation")}

    default_adam = PyTorchAdam
    default_learning_rate = 1e-3
    default_beta_1 = 0.9
    default_steps = 40_000
    default_batch_size = 4
    default_loss_weights = {
        "content": 1e5,
        "style": 1e10,
        "total_variation": 0.0,
    }
    # Half the width and three times the rate, for two cores.
    demonstration = {
        "data": ["faces:photo"],
        "image_size": 64,
        **devices.demonstration_steps(bfloat16=5000, float32=3000),
        "set": {
            "style": "drawn:1",
            "base_filters": 16,
            "vgg_filters": 32,
            "learning_rate": 3e-3,
            "ema": 0.998,
        },
    }

    def __init__(
        self,
        style="drawn",
        style_size=512,
        image_size=256,
        base_filters=32,
        num_residual_blocks=5,
        vgg_name="vgg16",
        vgg_weights=None,
        vgg_preprocessing=None,
        vgg_filters=64,
        vgg_seed=0,
        vgg_hash=None,
        content_layer="relu2_2",
        style_layers=_STYLE_LAYERS,
        name="style",
        **kwargs,
    ):
        checks.between(16, checks.MOST_SIDE, image_size=image_size)
        if image_size % 4:
            raise UserError(
                "image_size must be a multiple of 4 from 16 up. "
                f"Received: {image_size!r}"
            )
        is_list = isinstance(style_layers, (list, tuple, dict))
        if not is_list or not all(isinstance(n, str) for n in style_layers):
            raise UserError(
                "style_layers must be a list of names of layers, or a dict "
                f"from these to weights. Received: {style_layers!r}"
            )
        if not isinstance(content_layer, str):
            raise UserError(
                "content_layer must be the name of a layer. "
                f"Received: {content_layer!r}"
            )
        if not isinstance(style_layers, dict):
            style_layers = dict.fromkeys(style_layers, 1.0)
        for layer, weight in style_layers.items():
            checks.number(0, **{f"style_layers[{layer!r}]": weight})
        sizes = channels(vgg_name, [content_layer, *style_layers], vgg_filters)
        if vgg_preprocessing is None:
            # Random ones as its authors' program has them.
            vgg_preprocessing = default_preprocessing(vgg_weights or "random")
        super().__init__(name=name, **kwargs)

        self.generator = style_network(
            base_filters, num_residual_blocks, name="generator"
        )
        # Of the style image, by layer; zeros until `compile`.
        self.grams = {
            layer: self.add_weight(
                shape=(1, sizes[layer], sizes[layer]),
                initializer="zeros",
                trainable=False,
                autocast=False,
                dtype="float32",
                aggregation="only_first_replica",
                name=f"gram_{layer}",
            )
            for layer in style_layers
        }
        self._features = None

        self.style = style
        self.style_size = style_size
        self.image_size = image_size
        self.base_filters = base_filters
        self.num_residual_blocks = num_residual_blocks
        self.vgg_name = vgg_name
        self.vgg_weights = vgg_weights and str(vgg_weights)
        self.vgg_preprocessing = vgg_preprocessing
        self.vgg_filters = vgg_filters
        self.vgg_seed = vgg_seed
        self.vgg_hash = vgg_hash
        self.content_layer = content_layer
        self.style_layers = style_layers
        if vgg_weights is None:
            own = {"content": 1.0, "style": vgg_filters**2 / 4}
            self.default_loss_weights = self.default_loss_weights | own
        elif vgg_preprocessing == "caffe":
            self.default_loss_weights = _CAFFE_LOSS_WEIGHTS
        self._make_state()

    @classmethod
    def default_settings(
        cls, demonstration=False, vgg_weights=None, **arguments
    ):
        """Return the recipe's settings; note which file holds the weights."""
        settings = super().default_settings(demonstration)
        if vgg_weights not in (None, "imagenet"):
            own = {"vgg_hash": _hash(vgg_weights)}
            settings["set"] = settings.get("set", {}) | own
        return settings

    def get_config(self):
        return {
            **super().get_config(),
            "style": SAVED,
            "style_size": self.style_size,
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "num_residual_blocks": self.num_residual_blocks,
            "vgg_name": self.vgg_name,
            "vgg_weights": self.vgg_weights,
            "vgg_preprocessing": self.vgg_preprocessing,
            "vgg_filters": self.vgg_filters,
            "vgg_seed": self.vgg_seed,
            "vgg_hash": self.vgg_hash,
            "content_layer": self.content_layer,
            "style_layers": dict(self.style_layers),
        }

    @property
    def counters(self):
        grams = {f"gram_{n}": gram for n, gram in self.grams.items()}
        return super().counters | grams

    @functools.wraps(BaseModel.compile)
    def compile(self, *args, **kwargs):
        is_new = self.style != SAVED and self._features is None
        pixels = is_new and style_images.read(self.style, self.style_size)
        super().compile(*args, **kwargs)
        if is_new:
            self._make_features()
            found = self._features(images.to_float(pixels[None]))
            for layer, gram in self.grams.items():
                gram.assign(losses.gram(found[layer], "elements"))

    def _make_features(self):
        """Make the network of the losses, if it is not there."""
        if self._features is not None:
            return
        if self.vgg_weights not in (None, "imagenet"):
            found = _hash(self.vgg_weights)
            if self.vgg_hash not in (None, found):
                raise UserError(
                    "vgg_weights must be the file of the first training, of "
                    f"SHA-256 {self.vgg_hash}. Received: "
                    f"{self.vgg_weights!r}, of {found}"
                )
            self.vgg_hash = found
        with self.distribute_strategy.scope():
            network = vgg(
                self.vgg_name,
                [self.content_layer, *self.style_layers],
                preprocessing=self.vgg_preprocessing,
                base_filters=self.vgg_filters,
                weights=self.vgg_weights,
                seed=self.vgg_seed,
            )
        if self.vgg_weights is None:
            logger.warning(
                "the losses are of %s; trained weights tell more of forms: "
                "vgg_weights='imagenet', or a file",
                about(self.vgg_name, None, self.vgg_seed),
            )
        # Within a function, where Keras does not see it: it is no part of
        # the model's files.
        self._features = functools.partial(network, training=False)

    def _prepare(self):
        """Make what training needs of a model that was loaded."""
        if not any(np.any(gram) for gram in self.grams.values()):
            raise UserError(
                "style must be an image where no saved weights are loaded. "
                f"Received: {self.style!r}"
            )
        self._make_features()

    def call(self, images, training=False):
        return self._stylized(self._check_inputs(images))

    def _check_inputs(self, images):
        if isinstance(images, dict):
            (images,) = self._check_batch(images)
        images = check_images(images)
        if any(s is not None and s < LEAST_SIDE for s in images.shape[1:3]):
            raise UserError(
                f"height and width of images must be from {LEAST_SIDE} up. "
                f"Received shape: {images.shape}"
            )
        return images

    def _stylized(self, images):
        size = tf.shape(images)
        outputs = self.generator(images, training=False)
        outputs = outputs[:, : size[1], : size[2]]
        return tf.clip_by_value(outputs, -1.0, 1.0)

    def stylize(self, images):
        """Paint images in the style.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1], height and
                width from 5 up.

        Returns:
            float32, the shape of `images`, in [-1, 1].

        Raises:
            UserError: if the images do not fit.
        """
        return self._stylized(self._check_inputs(images))

    @property
    def players(self):
        return {"generator": (self.generator,)}

    @property
    def batch_shapes(self):
        return {"images": (None, self.image_size, self.image_size, 3)}

    def _generator_terms(self, images, training):
        fake = self._pass(self.generator)(images, training=training)  # y
        found, targets = self._features(fake), self._features(images)
        return {
            "content": losses.content(  # |F(y) - F(x)|^2, eq. 2
                found[self.content_layer], targets[self.content_layer]
            ),
            "style": losses.by_layer(  # |G(F(y)) - G(F(style))|^2, eq. 3, 4
                functools.partial(losses.style, normalization="elements"),
                found,
                self.grams,
                self.style_layers,
            ),
            "total_variation": losses.total_variation(  # section 3.2
                127.5 * fake, power=2
            ),
        }, None

    def train_step(self, batch):
        (images,) = self._check_batch(batch)
        terms, _ = self._update("generator", self._generator_terms, images)
        return self._report({"generator": terms})

    def test_step(self, batch):
        (images,) = self._check_batch(batch)
        terms, _ = self._generator_terms(images, training=False)
        return self._report({"generator": terms}, training=False)

    def samples(self, batch):
        """Return the sample grid of a batch: input, output."""
        images = batch["images"]
        columns = [
            Column("input", images),
            Column("output", self.stylize(images)),
        ]
        return {"stylize": Grid(columns)}

    def verbs(self):
        """Return what the model does."""
        inputs = {"images": Images(self.image_size, multiple=4)}
        return [Verb("stylize", self.stylize, inputs, target="style")]


def _hash(path):
    try:
        return files.digest(path)
    except OSError:
        raise UserError(
            f"vgg_weights must be a file that exists. Received: {path!r}"
        ) from None
