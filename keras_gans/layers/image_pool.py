"""The pool of past fakes for training a discriminator."""

import keras
import tensorflow as tf

from keras_gans.layers.random import replica_seed


@keras.saving.register_keras_serializable("keras_gans")
class ImagePool(keras.layers.Layer):
    """Returns images, or past images in their place.

    While the pool fills, every image is stored and returned. After that each
    image is, with probability 0.5, swapped with a uniformly drawn stored
    image, which is returned instead; otherwise the image itself is returned
    and not stored. The images of a batch are processed in order, so the first
    may be returned in place of the second.

    Images, count and random state are weights, so that checkpoints save
    them. They are stored on the device: at 256 pixels a pool of 50 takes
    39 MB, there and in the checkpoint. Under a distribution strategy each
    replica has its own pool; that of the first is saved.

    Args:
        pool_size: int, images to store; 0 returns all inputs unchanged.
        seed: int, or None for one drawn from `keras.utils.set_random_seed`.
        num_pools: int, pools in one layer, of which each call reads and
            writes one. Default: one, and calls give no number.

    Call arguments:
        images: float `[batch, height, width, channels]`, of constant height
            and width.
        pool: int64 scalar, the number of the pool, with `num_pools`.

    Reference:
        Shrivastava et al. 2017, "Learning from Simulated and Unsupervised
        Images through Adversarial Training", arXiv:1612.07828, section 2.3,
        as in github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
        util/image_pool.py.
    """

    def __init__(self, pool_size=50, seed=None, num_pools=None, **kwargs):
        # Images pass as they are, not rounded to a lower precision.
        super().__init__(autocast=False, **kwargs)
        self.pool_size = pool_size
        self.seed = seed
        self.num_pools = num_pools
        if pool_size:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if not self.pool_size:
            return
        arguments = {"trainable": False, "autocast": False}
        self.images = self.add_weight(
            name="images",
            shape=((self.num_pools or 1) * self.pool_size, *input_shape[1:]),
            dtype="float32",
            initializer="zeros",
            **arguments,
        )
        # 64 bits: TensorFlow keeps 32-bit integers off the accelerator.
        self.filled = self.add_weight(
            name="filled",
            shape=() if self.num_pools is None else (self.num_pools,),
            dtype="int64",
            initializer="zeros",
            **arguments,
        )

    def call(self, images, pool=None):
        if not self.pool_size:
            return images
        size = self.pool_size
        batch = tf.shape(images)[0]
        # Integers: XLA draws other fractions than TensorFlow does.
        coins, draws = (
            tf.random.stateless_uniform(
                [batch], replica_seed(self.seed_generator), 0, end, tf.int32
            )
            for end in (2, size)
        )
        all_filled = filled = tf.convert_to_tensor(self.filled)
        first = 0
        if pool is not None:
            filled = tf.gather(all_filled, pool)
            first = size * tf.cast(pool, tf.int32)
        positions, sources, contents = self._trace(filled, coins == 1, draws)

        # By row: neither read nor write the pools as a whole.
        stored = self.images.value
        given = tf.cast(images, stored.dtype)

        def pick(numbers):
            old = tf.gather(stored, first + tf.minimum(numbers, size - 1))
            new = tf.gather(given, tf.maximum(numbers - size, 0))
            return tf.where((numbers < size)[:, None, None, None], old, new)

        outputs = pick(sources)
        changed = pick(tf.gather(contents, positions))
        stored.scatter_update(tf.IndexedSlices(changed, first + positions))
        filled = tf.minimum(filled + tf.cast(batch, tf.int64), size)
        if pool is not None:
            filled = tf.tensor_scatter_nd_update(all_filled, [[pool]], [filled])
        self.filled.assign(filled)
        return tf.cast(outputs, images.dtype)

    def _trace(self, filled, exchanges, draws):
        """Track the images through the pool by index.

        Stored images have indices 0 to `pool_size` - 1, those of the batch
        the following ones. The loop handles indices only.

        Returns:
            `(positions, sources, contents)`: for each image of the batch the
            pool position that it may have changed and the index of the image
            returned; for each position the index of its final content.
        """
        size = self.pool_size
        filled = tf.cast(filled, tf.int32)

        def pass_on(state, this):
            contents, _, _ = state
            index, exchange, draw = this
            number = size + index
            is_filling = filled + index < size
            position = tf.where(is_filling, filled + index, draw)
            # For `contents[position]` XLA compiles each position anew, and
            # with it the whole training step.
            there = tf.gather(contents, position)
            is_exchanged = exchange & ~is_filling
            contents = tf.where(
                (tf.range(size) == position) & (is_filling | exchange),
                number,
                contents,
            )
            return contents, position, tf.where(is_exchanged, there, number)

        indices = tf.range(tf.shape(draws)[0])
        contents, positions, sources = tf.scan(
            pass_on,
            (indices, exchanges, draws),
            (tf.range(size), tf.constant(0), tf.constant(0)),
        )
        return positions, sources, contents[-1]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "seed": self.seed,
            "num_pools": self.num_pools,
        }
