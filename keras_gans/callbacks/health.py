"""Watch a run and warn early, in plain words, when it goes wrong."""

import logging
import math

import keras
import numpy as np

from keras_gans import files, losses
from keras_gans.callbacks import checkpoints, symptoms
from keras_gans.callbacks.steps import StepCallback

logger = logging.getLogger("keras_gans")

# Until here images of healthy runs look ill, too: the article's generators
# start with one gray for all inputs and guess the colors first.
EARLY = 1000
# Checkerboards and grain fade more slowly: at the article's size 0.04 after
# 500 steps and 0.02 after 1000, with 16 filters 0.05 after 1000 and 0.03 after
# 2000. At the end of a run they stay, unless it was a mere trial.
EARLY_PATTERN = 2 * EARLY
TRIAL = EARLY // 5
# A sign must be seen in this many looks in a row: losses swing, and one look
# is 18 images at one moment.
LOOKS = 2
# A persistent finding is repeated after this many steps.
SAID_AGAIN_AFTER = 10_000
# How the names of the signs begin.
OF_IMAGES = tuple(sign for sign, _, _ in symptoms.OF_IMAGES)
SIGNS = (*OF_IMAGES, "discriminator", "critic")
# Steps over which the terms of the discriminators are averaged.
WINDOW = 200


class Health(StepCallback):
    """Warns of a run that goes wrong; stops one that cannot recover.

    The loss terms must be finite after every step, and the weights before
    every checkpoint; else training ends with an error and saves nothing more.
    Every sample grid is checked for: translations that equal their inputs,
    one output for all inputs, few images, blank, saturated or miscolored
    ones, inverted colors, checkerboards, grain; and losses for discriminators
    that win or lose outright, or critics that drift. A finding seen twice in
    a row is logged as a warning and noted in `log.csv`, again when it returns
    or after 10,000 steps. In the images of the last step once is enough: they
    are the result.

        log = callbacks.RunLog(folder)
        grids = callbacks.SampleGrid(folder / "samples", held_out)
        checkpoint = callbacks.Checkpoints(folder / "checkpoints")
        health = Health(log, grids, checkpoint)
        model.fit(..., callbacks=[health, grids, log, checkpoint])

    It comes before these three, so that it acts first.

    Args:
        log: `RunLog`, receives the warnings; checks run with the first row
            after a multiple of `grids.every`, at the latest with the last
            row of the training.
        grids: `SampleGrid`, whose images are checked.
        checkpoint: `Checkpoints`.
        early: int, steps before which images and discriminators are not
            judged, checkerboards and grain twice as many.
        steps: int, the last step of the run, whose images are judged at once,
            for checkerboards and grain from a fifth of `early` on.

    Raises:
        FloatingPointError: from `model.fit`, in one line, if a loss term or
            a weight is not finite.
    """

    def __init__(self, log, grids, checkpoint, early=EARLY, steps=None):
        super().__init__()
        self.log = log
        self.grids = grids
        self.checkpoint = checkpoint
        self.early = early
        self.steps = steps

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._seen = self._logs = None

    def on_step(self, before, logs):
        self._logs = logs
        # The logs are means since the last row, in which a NaN stays; Keras
        # has made floats of them, once for all callbacks.
        bad = [name for name in logs if not math.isfinite(logs[name])]
        drawing = self.passed(before, self.grids.every)
        saving = self.passed(before, self.checkpoint.every)
        if bad or ((drawing or saving) and self._is_broken(drawing)):
            self._stop(bad, logs)
        if self.passed(before, self.log.every):
            self._look_if_due(logs, drawing)

    def on_train_end(self, logs=None):
        if self._is_broken(drawing=True):
            self._stop([], self._logs)
        if self._logs is not None:
            self._look_if_due(self._logs, drawing=True)

    def _look_if_due(self, logs, drawing):
        if self._seen is None:
            self._recall()
        if self._is_look(self._last_row(), self.current_step):
            self._look(logs, drawing)

    def _last_row(self):
        return int(self.log.rows[-1]["step"]) if self.log.rows else 0

    def _is_broken(self, drawing):
        """Tell whether weights or sample images are not finite."""
        if first_not_finite(self.model):
            return True
        if not drawing:
            return False
        grids = self.grids.samples(self.current_step)
        columns = [c.images for grid in grids.values() for c in grid.columns]
        return not all(np.isfinite(images).all() for images in columns)

    def _stop(self, terms, logs):
        # The sums come after the terms that they are sums of.
        terms = sorted(
            terms, key=lambda name: (name.endswith("_loss"), name[0] == "d")
        )
        text = explain(self.model, self.current_step, terms[:1])
        saved = checkpoints.steps(self.checkpoint.folder)
        good = (
            f"the last good checkpoint is {self.checkpoint.folder}/"
            f"{saved[-1]:06d}.keras"
            if saved
            else "there was no checkpoint yet"
        )
        text = f"{text}; stopped, {good}. {_advice(self.model)}"
        if logs is not None and self._last_row() < self.current_step:
            self.log.note(text)
            self.log.write_row(self.current_step, logs)
        raise FloatingPointError(text)

    def _is_look(self, last, step):
        every = self.grids.every
        is_due = step // every > last // every
        if last < step == self.steps:
            return TRIAL / EARLY * self.early <= step
        return is_due and self.early <= step

    def _look(self, logs, drawing):
        # At other steps not through the grids, which would keep them: what
        # they draw at the end must be of the end.
        samples = (
            self.grids.samples(self.current_step)
            if drawing
            else self.grids.draw()
        )
        signs = self._signs(samples, logs)
        said = self._remember(self.current_step, signs)
        for name, text in signs.items():
            if name in said:
                logger.warning("step %d: %s: %s", self.current_step, name, text)
            self.log.note(f"{name}: {text}" if name in said else name)

    def _remember(self, step, names):
        """Count how often each sign was seen; return those to report."""
        is_last = step == self.steps
        self._seen = {name: self._seen.get(name, 0) + 1 for name in names}
        said = {
            name
            for name, looks in self._seen.items()
            if looks == LOOKS
            or (is_last and looks < LOOKS and name.startswith(OF_IMAGES))
            or looks > LOOKS
            and step - self._said[name] >= SAID_AGAIN_AFTER
        }
        self._said |= dict.fromkeys(said, step)
        return said

    def _recall(self):
        """Restore the state from the rows of a resumed run."""
        self._seen, self._said = {}, {}
        # The last look before an interruption comes again with a whole row.
        self.log.notes = [n for n in self.log.notes if not n.startswith(SIGNS)]
        last = 0
        for row in self.log.rows:
            step = int(row["step"])
            if self._is_look(last, step):
                notes = row.get("warnings") or ""
                names = [
                    note.split(":")[0]
                    for note in notes.split(files.NOTES_BETWEEN)
                ]
                self._remember(step, filter(None, names))
            last = step

    def _signs(self, grids, logs):
        """Return the current findings: a dict from name to one line."""
        found, is_early = {}, self.current_step < self.early
        is_of_labels = self.model.data_kind == "labelled"
        for name, grid in grids.items():
            if not grid.of("output"):
                continue
            inputs, outputs, reals = (
                [np.asarray(images, np.float32) for images in column]
                for column in (
                    grid.of("input"),
                    grid.of("output"),
                    [] if grid.reals is None else [grid.reals],
                )
            )
            reals = (reals or inputs or [None])[0]
            given = {"input": bool(inputs), "reals": grid.reals is not None}
            for sign, tell, needed in symptoms.OF_IMAGES:
                if reals is None or not given.get(needed, True):
                    continue
                is_pattern = tell in (symptoms.checkered, symptoms.grainy)
                if self._is_early_for_patterns() if is_pattern else is_early:
                    continue
                # What is wrong with a generator shows in all its outputs;
                # one alone may rightly change next to nothing.
                before = inputs[0] if inputs else reals
                if tell is symptoms.copied and is_of_labels:
                    tell = symptoms.hardly_changed
                seen = [tell(before, output, reals) for output in outputs]
                if all(seen):
                    found[f"{sign} {name}"] = seen[0]
                    break
            if grid.discriminator is not None and not is_early:
                text = self._judged(grid.discriminator, reals, outputs[0])
                found[grid.discriminator.name] = text
        if is_early:
            return found
        found["critic"] = self._drifting(logs)
        everywhere = self._all_discriminators(logs)
        if everywhere:
            found = {k: v for k, v in found.items() if "discriminator" not in k}
            found["discriminators"] = everywhere
        return {name: text for name, text in found.items() if text}

    def _is_early_for_patterns(self):
        early = EARLY_PATTERN / EARLY * self.early
        return self.current_step < early and self.current_step != self.steps

    def _all_discriminators(self, logs):
        """Check the logged terms, summed over the discriminators."""
        rows = [
            row
            for row in self.log.rows
            if int(row["step"]) > self.current_step - WINDOW
            # Which a damaged log may lack.
            and "" not in (row.get("d_real", ""), row.get("d_fake", ""))
        ]
        count = self.model.discriminator_terms
        if not count or not {"d_real", "d_fake"} <= set(logs):
            return None
        real, fake = (
            np.mean([float(row[term]) for row in (*rows, logs)]) / count
            for term in ("d_real", "d_fake")
        )
        return symptoms.one_sided(self.model.adversarial_loss, real, fake)

    def _drifting(self, logs):
        """Check the critic's scores of real images over the whole run."""
        is_critic = self.model.adversarial_loss == "wasserstein"
        if not is_critic or "d_real" not in logs:
            return None
        rows = *(row for row in self.log.rows if row.get("d_real")), logs
        return symptoms.drifting([float(row["d_real"]) for row in rows])

    def _judged(self, discriminator, real, fake):
        """Check a single discriminator, which the logged sums may hide.

        Checks on the held-out images, and only for winning: on so few images
        losses vary widely upwards.
        """
        kind = self.model.adversarial_loss
        terms = losses.adversarial(kind)[1](
            *(discriminator(p, training=False) for p in (real, fake))
        )
        text = symptoms.one_sided(kind, *map(float, terms))
        return text if text and text.startswith("wins") else None


def first_not_finite(model):
    """Return the first network, layer and weight with a NaN or an infinity.

    Returns:
        `(network, layer, weight, count)`: names, and the number of weight
        arrays with such values; or None.
    """
    found = [
        (network.name, layer.name, weight.name)
        for network in model.networks
        for layer in network.layers
        for weight in layer.weights
        if not np.isfinite(weight.numpy()).all()
    ]
    return (*found[0], len(found)) if found else None


def explain(model, step, terms):
    """Name the loss term and the layer that are not finite, in one line."""
    weights = first_not_finite(model)
    where = "the weights" if weights else "the images"
    if terms:
        where = f"the loss term {terms[0]}"
    text = f"step {step}: NaN or infinity in {where}"
    if weights is None:
        return f"{text}, while all weights are finite"
    network, layer, weight, count = weights
    return (
        f"{text}, first in network {network}, layer {layer} ({weight}; "
        f"{count} weight arrays in all)"
    )


def _advice(model):
    precision = model.dtype_policy.name
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    other = (
        ""
        if precision == "float32"
        else f", or float32 instead of {precision}, whose range is smaller"
    )
    return (
        "Usually the learning rate is too high: try learning_rate="
        f"{float(rate) / 4:.1g}{other}, in a new run folder"
    )
