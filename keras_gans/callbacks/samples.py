"""Write sample grids of a fixed batch at regular steps."""

import pathlib

import tensorflow as tf

from keras_gans import files, images
from keras_gans.callbacks.steps import StepCallback


class SampleGrid(StepCallback):
    """Translates a fixed batch every `every` steps and writes the images.

    `folder/a_to_b/000500.png` shows input, translation and reconstruction in
    inference mode, as a deployed model would give them.

    Args:
        folder: receives one folder per grid, named by the model.
        batch: dict of held-out images, in the form of the model's batches.
        every: int, steps between grids; the end of training adds one.
    """

    def __init__(self, folder, batch, every=500):
        super().__init__()
        self.folder = pathlib.Path(files.expanded(folder))
        self.batch = batch
        self.every = every
        self._samples = None, None

    def samples(self, step):
        """Call `model.samples`, once per step for all callers."""
        if self._samples[0] != step:
            self._samples = step, self.draw()
        return self._samples[1]

    def draw(self):
        """Call `model.samples` with the averaged weights, if any."""
        with self.model.averaged():
            return self.model.samples(self.batch)

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self._write()

    def on_train_end(self, logs=None):
        self._write()

    def _write(self):
        for name, grid in self.samples(self.current_step).items():
            path = self.folder / name / f"{self.current_step:06d}.png"
            images.write(path, sample_grid(grid.columns))


def sample_grid(columns, most_images_in_row=18):
    """Arrange columns of images as a grid of samples.

    Args:
        columns: list of `keras_gans.training.samples.Column`, such as inputs,
            translations, reconstructions; headings stand above each sample.
        most_images_in_row: int.

    Returns:
        uint8 `[height, width, 3]`.
    """
    stacked = tf.stack([column.images for column in columns], axis=1)
    pixels = images.to_uint8(stacked).numpy()
    samples, columns_each = pixels.shape[:2]
    in_row = min(samples, max(1, most_images_in_row // columns_each))
    headings = [column.heading for column in columns]
    return images.grid(
        pixels.reshape(-1, *pixels.shape[2:]),
        columns=in_row * columns_each,
        headings=in_row * headings if any(headings) else None,
    )
