"""Search for latent vectors of which an objective is small.

One search for whatever has a latent vector: the inversion of a generator
(`latents.inversion`), or the completion of a sketch by a Contextual GAN.
"""

import dataclasses
import functools
import math
import typing

import numpy as np
import tensorflow as tf

from keras_gans import checks
from keras_gans.checks import UserError

OPTIMIZERS = "adam", "momentum", "nesterov"
KEEP = "best", "last"
_BETA_2, _EPSILON = 0.999, 1e-8  # of Adam


class Projection(typing.NamedTuple):
    """What `project` found.

    Attributes:
        latents: float32 `[batch, latent_dim]`.
        losses: float32 `[batch]`, the objective of `latents`.
        curve: float32 `[steps, batch]`, the objective before each step.
    """

    latents: tf.Tensor
    losses: tf.Tensor
    curve: tf.Tensor


def nearest_start(objective, starts, inputs=()):
    """Return of each row's starts the one with the least objective.

    Args:
        objective, inputs: as for `project`.
        starts: float `[batch, candidates, latent_dim]`.

    Returns:
        float32 `[batch, latent_dim]`; of equal ones the first. NaN counts as
        infinity.

    Raises:
        UserError: if an argument does not fit.
    """
    starts = _checked(objective, starts)
    if starts.shape[1] == 1:
        return starts[:, 0]

    def losses_of(latents):
        losses = _losses(objective, latents, inputs)
        return tf.where(tf.math.is_nan(losses), math.inf, losses)

    # One after the other: together they would need much memory. Not by
    # `map_fn`: if the objective raises, it leaves a state behind in which
    # `recompute_grad` fails.
    count = starts.shape[1]
    losses = tf.TensorArray(tf.float32, count, element_shape=starts.shape[:1])

    def next_loss(place, losses):
        return place + 1, losses.write(place, losses_of(starts[:, place]))

    _, losses = tf.while_loop(
        lambda place, _: place < count,
        next_loss,
        (0, losses),
        parallel_iterations=1,
    )
    losses = losses.stack()
    return tf.gather(starts, tf.argmin(losses), axis=1, batch_dims=1)


def project(
    objective,
    starts,
    *,
    inputs=(),
    steps=500,
    learning_rate=0.1,
    optimizer="adam",
    momentum=0.9,
    ramp_up=0.05,
    ramp_down=0.25,
    noise=0.0,
    noise_until=0.75,
    limit=None,
    seed=0,
    keep="best",
    progress=None,
    progress_every=10,
):
    """Move latent vectors down the gradient of an objective.

    Rows are searched side by side and know nothing of one another, if the
    objective's do not. The search is one loop in a graph; called again with
    the same objective, settings and shapes it is not traced again, and within
    a `tf.function`, as of an export, it becomes a part of that graph.

    Args:
        objective: function of latents, float32 `[batch, latent_dim]`, and
            `inputs`, to the loss of each row, float `[batch]`, with gradients.
        starts: float `[batch, candidates, latent_dim]`; the search starts
            from each row's candidate with the least objective.
        inputs: sequence of arrays, tensors, or dicts or lists of them, that
            are given to the objective as they are, such as target images.
            Another target is then no other objective, which would be traced
            again.
        steps: int from 0 up, gradient steps. 0: the best start is returned.
        learning_rate: float from 0 up, before the ramps.
        optimizer: `"adam"` (Kingma & Ba 2015), `"momentum"`, or
            `"nesterov"`, v' = m v - r g; z' = z - m v + (1 + m) v'.
        momentum: float from 0 to below 1: m above, or Adam's beta_1.
        ramp_up: float, part of the steps in which the learning rate rises in
            proportion, from 0 at the first step; 0 for none.
        ramp_down: float, part of the steps, the last, in which it falls to 0
            along half a cosine; 0 for none.
        noise: float, standard deviation of the noise that is added to the
            latents where the objective is evaluated, at the first step.
        noise_until: float, part of the steps after which there is no noise;
            until then it falls as a square. All rows have the same noise, so
            that a row's place in the batch makes no difference.
        limit: float above 0; latents are clipped to [-limit, limit] after each
            step. Momentum stays as it is. Default: no limit.
        seed: int from 0 to below 2**32, of the noise.
        keep: `"last"`: return the latents after the last step; `"best"`: for
            each row those with the least objective of all that were
            evaluated.
        progress: function `(step, losses)` that is called after every
            `progress_every` steps and after the last, with the number of steps
            done and the last row of the curve so far, a NumPy array. If it
            returns False, the search stops there. Eager only.
        progress_every: int from 1 up.

    Returns:
        `Projection`. Stopped early, its curve has fewer rows.

    Raises:
        UserError: if an argument does not fit.

    Reference:
        Karras et al. 2020, "Analyzing and Improving the Image Quality of
        StyleGAN", arXiv:1912.04958, appendix D, for the schedules, with the
        numbers of github.com/NVlabs/stylegan2-ada, projector.py (1,000 steps,
        noise 0.05). github.com/elliottwu/sText2Image, model.py, for
        `"nesterov"`, the limit and the starts.
    """
    checks.at_least(0, steps=steps)
    checks.at_least(1, progress_every=progress_every)
    checks.number(0, learning_rate=learning_rate, noise=noise)
    checks.number(0, 1, momentum=momentum, noise_until=noise_until)
    checks.number(0, 1, ramp_up=ramp_up, ramp_down=ramp_down)
    checks.one_of(OPTIMIZERS, optimizer=optimizer)
    checks.one_of(KEEP, keep=keep)
    checks.seed(seed)
    if momentum == 1:
        raise UserError(f"momentum must be below 1. Received: {momentum!r}")
    if limit is not None:
        checks.number(0, limit=limit)
        if limit == 0:
            raise UserError(f"limit must be above 0. Received: {limit!r}")
    if progress is not None and not callable(progress):
        raise UserError(
            f"progress must be a function or None. Received: {progress!r}"
        )
    if progress is not None and not tf.executing_eagerly():
        raise UserError(
            f"progress must be left out within a graph. Received: {progress!r}"
        )
    starts = _checked(objective, starts)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, tuple(inputs))
    search = _Search(
        *(objective, steps, learning_rate, optimizer, momentum, ramp_up),
        *(ramp_down, noise, noise_until, limit, seed, keep),
    )
    parts = search.begin, search.advance, search.end
    begin, advance, end = _compiled(search) if tf.executing_eagerly() else parts

    state = begin(starts, inputs)
    every = steps if progress is None else progress_every
    done, curves = 0, [tf.zeros((0, tf.shape(starts)[0]))]
    while done < steps:
        stop = min(done + every, steps)
        state, curve = advance(
            state, inputs, tf.constant(done), tf.constant(stop)
        )
        curves.append(curve)
        done = stop
        if progress is not None and progress(done, curve[-1].numpy()) is False:
            break
    return Projection(*end(state, inputs), tf.concat(curves, axis=0))


@dataclasses.dataclass(frozen=True)
class _Search:
    """The three parts of a search; all are functions of tensors."""

    objective: typing.Callable
    steps: int
    learning_rate: float
    optimizer: str
    momentum: float
    ramp_up: float
    ramp_down: float
    noise: float
    noise_until: float
    limit: float | None
    seed: int
    keep: str

    def begin(self, starts, inputs):
        """Return the state: latents, two moments, and the best so far."""
        starts = self._within(starts)
        latents = nearest_start(self.objective, starts, inputs)
        zeros = tf.zeros_like(latents)
        losses = tf.fill(tf.shape(latents)[:1], math.inf)
        return latents, zeros, zeros, latents, losses

    def advance(self, state, inputs, first, last):
        """Do the steps from `first` to before `last`; return their curve."""
        curve = tf.TensorArray(
            tf.float32, last - first, element_shape=state[0].shape[:1]
        )

        def body(step, state, curve):
            state, losses = self._step(step, state, inputs)
            return step + 1, state, curve.write(step - first, losses)

        _, state, curve = tf.while_loop(
            lambda step, *_: step < last,
            body,
            (first, state, curve),
            parallel_iterations=1,
        )
        return state, curve.stack()

    def end(self, state, inputs):
        """Return the latents to keep and their losses."""
        latents, _, _, best, least = state
        losses = _losses(self.objective, latents, inputs)
        if self.keep == "last":
            return latents, losses
        return _better(latents, losses, best, least)

    def _step(self, step, state, inputs):
        latents, first, second, best, least = state
        tried = self._within(latents + self._noise(step, latents))
        with tf.GradientTape() as tape:
            tape.watch(tried)
            losses = _losses(self.objective, tried, inputs)
        gradient = tape.gradient(losses, tried)  # of the sum: row by row
        if gradient is None:
            raise UserError(
                "objective must have a gradient with respect to the latents. "
                f"Received: {self.objective!r}"
            )
        best, least = _better(tried, losses, best, least)
        move, first, second = self._move(step, gradient, first, second)
        latents = self._within(latents + move)
        return (latents, first, second, best, least), losses

    def _move(self, step, gradient, first, second):
        rate, momentum = self._rate(step), self.momentum
        if self.optimizer == "adam":
            first = momentum * first + (1.0 - momentum) * gradient
            second = _BETA_2 * second + (1.0 - _BETA_2) * gradient**2
            count = tf.cast(step, tf.float32) + 1.0
            mean = first / (1.0 - momentum**count)
            square = second / (1.0 - _BETA_2**count)
            return -rate * mean / (tf.sqrt(square) + _EPSILON), first, second
        velocity = momentum * first - rate * gradient
        move = velocity
        if self.optimizer == "nesterov":
            move = (1.0 + momentum) * velocity - momentum * first
        return move, velocity, second

    def _part(self, step):
        return tf.cast(step, tf.float32) / self.steps

    def _rate(self, step):
        part, rate = self._part(step), self.learning_rate
        if self.ramp_down:
            left = tf.minimum(1.0, (1.0 - part) / self.ramp_down)
            rate *= 0.5 - 0.5 * tf.cos(math.pi * left)
        if self.ramp_up:
            rate *= tf.minimum(1.0, part / self.ramp_up)
        return rate

    def _noise(self, step, latents):
        if not (self.noise and self.noise_until):
            return 0.0
        left = tf.maximum(0.0, 1.0 - self._part(step) / self.noise_until)
        drawn = tf.random.stateless_normal(
            latents.shape[1:],
            tf.stack(
                [tf.constant(self.seed, tf.int64), tf.cast(step, "int64")]
            ),
            alg="philox",  # TensorFlow's own choice depends on the device
        )
        return self.noise * left**2 * drawn

    def _within(self, latents):
        if self.limit is None:
            return latents
        return tf.clip_by_value(latents, -self.limit, self.limit)


# Few: each keeps its objective, and so a generator, in memory.
@functools.lru_cache(maxsize=8)
def _compiled(search):
    parts = search.begin, search.advance, search.end
    # By its code TensorFlow would count the traces of all searches as those of
    # one, and warn of them; a partial function has no code.
    return [
        tf.function(functools.partial(part), autograph=False) for part in parts
    ]


def _better(latents, losses, best, least):
    is_better = losses < least  # never of NaN
    best = tf.where(is_better[:, None], latents, best)
    return best, tf.where(is_better, losses, least)


def _losses(objective, latents, inputs):
    losses = tf.cast(objective(latents, *inputs), tf.float32)
    if not losses.shape.is_compatible_with(latents.shape[:1]):
        raise UserError(
            "objective must return the loss of each row, of shape "
            f"{latents.shape[:1]}. Received: {losses.shape}"
        )
    return tf.ensure_shape(losses, latents.shape[:1])


def _checked(objective, starts):
    if not callable(objective):
        raise UserError(
            f"objective must be a function. Received: {objective!r}"
        )
    rule = "starts must be numbers of shape [batch, candidates, latent_dim]"
    if not tf.is_symbolic_tensor(starts):
        try:
            starts = np.asarray(starts).astype(np.float32)
        except (TypeError, ValueError):
            kind = type(starts).__name__
            raise UserError(f"{rule}. Received: {kind}") from None
        if not np.isfinite(starts).all():
            raise UserError("starts must be finite. Received: NaN or infinity")
    starts = tf.cast(starts, tf.float32)
    if starts.shape.rank != 3 or None in starts.shape[1:] or 0 in starts.shape:
        raise UserError(f"{rule}. Received shape: {starts.shape}")
    return starts
