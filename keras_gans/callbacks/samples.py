"""Pictures of a run: a fixed batch, translated every so many steps."""

import pathlib

import tensorflow as tf

from keras_gans import files, images
from keras_gans.callbacks.steps import StepCallback


class SampleGrid(StepCallback):
    """Translates a fixed batch every so many steps and writes the pictures.

    `folder/a_to_b/000500.png` shows input, translation and reconstruction in
    inference mode, as a deployed model would give them; for other columns the
    model has headings.

    Args:
        folder: receives one folder per kind of sample.
        batch: dict of held-out pictures, as the model's batches.
        every: int, steps between two grids; one more ends the training.
    """

    def __init__(self, folder, batch, every=500):
        super().__init__()
        self.folder = pathlib.Path(files.expanded(folder))
        self.batch = batch
        self.every = every
        self._samples = None, None

    def samples(self, step):
        """Call `model.samples`, once for all who ask at the same step."""
        if self._samples[0] != step:
            self._samples = step, self.draw()
        return self._samples[1]

    def draw(self):
        """Call `model.samples`, by the average of the weights if there is."""
        with self.model.averaged():
            return self.model.samples(self.batch)

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self._write()

    def on_train_end(self, logs=None):
        self._write()

    def _write(self):
        for name, columns in self.samples(self.current_step).items():
            path = self.folder / name / f"{self.current_step:06d}.png"
            headings = self.model.sample_headings().get(name)
            images.write(path, sample_grid(columns, headings=headings))


def sample_grid(columns, most_pictures_in_row=18, headings=None):
    """Arrange columns of one sample each as a grid with samples side by side.

    Args:
        columns: list of float `[batch, height, width, 3]` in [-1, 1], such as
            inputs, translations, reconstructions.
        most_pictures_in_row: int.
        headings: list of str, text above each column of every sample.

    Returns:
        uint8 `[height, width, 3]`.
    """
    pictures = images.to_uint8(tf.stack(columns, axis=1)).numpy()
    samples, columns_each = pictures.shape[:2]
    in_row = min(samples, max(1, most_pictures_in_row // columns_each))
    return images.grid(
        pictures.reshape(-1, *pictures.shape[2:]),
        columns=in_row * columns_each,
        headings=in_row * list(headings or []),
    )
