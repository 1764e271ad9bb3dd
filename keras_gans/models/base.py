"""What every adversarial model shares: compile, update, report.

A model names its terms and writes its own `train_step`; this class turns the
terms of one player into one update of that player's weights.
"""

import functools
import inspect

import keras
import tensorflow as tf

from keras_gans import losses, schedules


def check_images(images, multiple_of=1):
    """Check a batch of pictures from a caller; return it as float32.

    Args:
        images: float `[batch, height, width, 3]` in [-1, 1].
        multiple_of: int, what height and width must be multiples of.

    Raises:
        ValueError: naming what does not fit.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or images.shape[-1] != 3:
        raise ValueError(
            "images must have shape [batch, height, width, 3]. "
            f"Received shape: {images.shape}"
        )
    if not images.dtype.is_floating:
        raise ValueError(
            "images must be floating point in [-1, 1]; "
            "keras_gans.images.to_float converts uint8. "
            f"Received dtype: {images.dtype.name}"
        )
    if any(side and side % multiple_of for side in images.shape[1:3]):
        raise ValueError(
            f"height and width of images must be multiples of {multiple_of}. "
            f"Received shape: {images.shape}"
        )
    if tf.executing_eagerly() and images.shape[0]:
        largest = float(tf.reduce_max(tf.abs(images)))
        if not largest <= 1.0 + 1e-3:
            raise ValueError(
                "images must lie in [-1, 1]; keras_gans.images.to_float "
                f"converts 0..255. Largest absolute value: {largest}"
            )
    return tf.cast(images, tf.float32)


class AdversarialModel(keras.Model):
    """Base of the models: two players, two optimizers, named loss terms.

    A subclass sets the class attributes, makes its networks in `__init__`
    and then calls `_make_state()`. Its `_generator_terms` and
    `_discriminator_terms` return named, unweighted means; it writes
    `train_step` as the paper's order of updates.

    Attributes:
        data_kind: which pipeline of `keras_gans.datasets` feeds the model.
        generator_terms: names of the generator's loss terms.
        discriminator_terms: names of the discriminator's loss terms.
        step: int64 variable, training steps taken; also the position in the
            data, so that a resumed run continues with the next batch.
    """

    data_kind = None
    generator_terms = ()
    discriminator_terms = ()

    # What `compile()` uses where an argument is None; an instance may set
    # its own when the published recipe depends on the architecture.
    default_adam = keras.optimizers.Adam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    # Epochs at that rate and epochs of its linear decay, or None.
    default_epochs = None
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {}
    default_batch_size = 1

    @classmethod
    def default_settings(cls, **arguments):
        """Return the recipe's settings for `cls(**arguments)`.

        Returns:
            dict with `image_size`, what the model takes where none is given,
            and `batch_size`.
        """
        image_size = inspect.signature(cls.__init__).parameters["image_size"]
        return {
            "image_size": arguments.get("image_size") or image_size.default,
            "batch_size": cls.default_batch_size,
        }

    def _make_state(self):
        """Create the step counter and one tracker per term."""
        self.step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for prefix, terms in (
                ("g", self.generator_terms),
                ("d", self.discriminator_terms),
            )
            for name in (f"{prefix}_loss", *(f"{prefix}_{t}" for t in terms))
        }
        self.built = True

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        loss_weights=None,
        learning_rate=None,
        total_steps=None,
        jit_compile="auto",
        **kwargs,
    ):
        """Set how the model is trained; no argument is the published recipe.

        Args:
            generator_optimizer: `keras.optimizers.Optimizer` of the
                generators. Default: Adam with the recipe's learning rate.
            discriminator_optimizer: the same for the discriminators.
            adversarial_loss: `"non_saturating"`, `"least_squares"`,
                `"hinge"` or `"wasserstein"`.
            loss_weights: dict from term to float; terms left out keep the
                weight of the recipe. A term of weight 0 is not computed.
            learning_rate: float, or a Keras schedule, of the optimizers that
                are not given.
            total_steps: int, training steps of the whole run. Where the
                recipe lets the rate fall, a number follows that course over
                the run: in `CycleGAN(architecture="resnet")` and `Pix2Pix`
                constant for its first half, then linear to zero. Without
                `total_steps` it follows the epochs of `fit`, as published:
                100 at the rate, 100 down to zero. A run of one long epoch
                then stays at the rate.
            jit_compile: `True`, `False` or `"auto"`, which means XLA on an
                accelerator and a plain graph on the CPU, where XLA was
                measured two to three times slower.
            **kwargs: `run_eagerly` and `steps_per_execution`, as in Keras.

        Raises:
            ValueError: if a loss or a term is unknown, a weight negative, or
                `total_steps` below 1.
        """
        self.adversarial_loss = (
            adversarial_loss or self.default_adversarial_loss
        )
        self._generator_loss, self._discriminator_loss = losses.adversarial(
            self.adversarial_loss
        )
        self.loss_weights = self._check_loss_weights(loss_weights or {})
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile == "auto":
            jit_compile = bool(tf.config.list_logical_devices("GPU"))
            jit_compile &= not kwargs.get("run_eagerly", False)
        # Keras compiles `strategy.run` as a whole, which XLA refuses with
        # several replicas; `_update` then compiles what lies inside.
        self._jit_replica = bool(jit_compile) and replicas > 1
        rate = self._published_rate(learning_rate, total_steps)
        super().compile(
            optimizer=generator_optimizer or self._default_optimizer(rate),
            jit_compile=bool(jit_compile) and replicas == 1,
            **kwargs,
        )
        self.discriminator_optimizer = self._scaled(
            discriminator_optimizer or self._default_optimizer(rate)
        )
        self._given_optimizers = {
            "generator_optimizer": generator_optimizer is not None,
            "discriminator_optimizer": discriminator_optimizer is not None,
        }
        self._compile_arguments = {
            "adversarial_loss": self.adversarial_loss,
            "loss_weights": dict(self.loss_weights),
            "learning_rate": learning_rate,
            "total_steps": total_steps,
            "jit_compile": bool(jit_compile),
            **kwargs,
        }
        # Slots made inside a traced step fail under a strategy, and slots
        # that do not exist yet are silently skipped when weights are loaded.
        with self.distribute_strategy.scope():
            self.optimizer.build(self.generator_variables)
            self.discriminator_optimizer.build(self.discriminator_variables)

    def _check_loss_weights(self, loss_weights):
        unknown = set(loss_weights) - set(self.default_loss_weights)
        if unknown:
            raise ValueError(
                "loss_weights must have keys among "
                f"{', '.join(self.default_loss_weights)}. "
                f"Received: {', '.join(sorted(map(str, unknown)))}"
            )
        for name, weight in loss_weights.items():
            if weight < 0:
                raise ValueError(
                    f"loss_weights[{name!r}] must not be negative. "
                    f"Received: {weight!r}"
                )
        weights = {**self.default_loss_weights, **loss_weights}
        for terms in (self.generator_terms, self.discriminator_terms):
            if not any(weights[term] for term in terms):
                raise ValueError(
                    "loss_weights must leave a weight above 0 among "
                    f"{', '.join(terms)}. Received: {loss_weights!r}"
                )
        return weights

    def _published_rate(self, rate, total_steps):
        """Return a number or a schedule; note what `fit` is to follow."""
        rate = self.default_learning_rate if rate is None else rate
        self._schedule = None
        if self.default_epochs is None or not isinstance(rate, (int, float)):
            return rate
        schedule = schedules.LinearDecay(rate, *self.default_epochs)
        if total_steps is None:
            self._schedule = schedule
            return rate
        return schedule.over(total_steps)

    def _default_optimizer(self, learning_rate):
        # Epsilon 1e-8 as TensorFlow 1 and PyTorch have it; Keras: 1e-7.
        return self.default_adam(
            learning_rate,
            beta_1=self.default_beta_1,
            beta_2=0.999,
            epsilon=1e-8,
            name="adam",
        )

    def _scaled(self, optimizer):
        """Wrap an optimizer as `keras.Model.compile` does for float16."""
        if self.dtype_policy.name != "mixed_float16" or isinstance(
            optimizer, keras.optimizers.LossScaleOptimizer
        ):
            return optimizer
        return keras.optimizers.LossScaleOptimizer(optimizer)

    @property
    def generator_optimizer(self):
        """The generators' optimizer, which Keras knows as `optimizer`."""
        return self.optimizer

    def get_compile_config(self):
        if not self.compiled:
            return {}
        # What was left to the recipe stays so.
        arguments = dict(self._compile_arguments)
        for name, is_given in self._given_optimizers.items():
            if is_given:
                arguments[name] = getattr(self, name)
        return keras.saving.serialize_keras_object(arguments)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, *args, callbacks=None, **kwargs):
        """Train, as `keras.Model.fit`; the rates follow the recipe."""
        if self.compiled and self._schedule is not None:
            own = [
                n for n, given in self._given_optimizers.items() if not given
            ]
            follow = schedules.RateByEpoch(self._schedule, own)
            if isinstance(callbacks, keras.callbacks.CallbackList):
                callbacks.append(follow)
            else:
                callbacks = [follow, *keras.tree.flatten(callbacks or [])]
        return super().fit(*args, callbacks=callbacks, **kwargs)

    def _own_state(self):
        """What is saved beside networks and optimizers, by name."""
        state = {"step": self.step} | {
            f"{name}_{variable.name}": variable
            for name, tracker in self.trackers.items()
            for variable in tracker.variables
        }
        random_states = (
            v for v in self.variables if v.name == "seed_generator_state"
        )
        return state | {f"random_{i}": v for i, v in enumerate(random_states)}

    # Keras saves a model's weights, but not its metrics: a continued run
    # would lose the part of a log row that lies before the checkpoint. Nor
    # does it save random states: dropout and pools would draw anew.
    def save_own_variables(self, store):
        for name, variable in self._own_state().items():
            store[name] = variable.numpy()

    def load_own_variables(self, store):
        for name, variable in self._own_state().items():
            variable.assign(store[name])

    def weighted_sum(self, terms):
        """Return a player's objective: its terms times `loss_weights`."""
        return tf.add_n(
            [self.loss_weights[name] * value for name, value in terms.items()]
        )

    def _record(self, network, *inputs):
        """Make a training pass whose gradients a later update takes.

        For an order of updates in which the discriminator learns from this
        step's fakes before the generator does.

        Returns:
            `(outputs, tape)`, for `recorded` of `_update_generator`.
        """
        network = functools.partial(network, training=True)
        with tf.GradientTape() as tape:
            outputs = self._compiled_replica(network)(*inputs)
        return outputs, tape

    def _update_generator(self, terms_function, *args, recorded=None):
        """Take one generator step; return its terms and its other outputs.

        With `recorded`, what `_record` returned, `terms_function` receives
        the outputs of that pass first, and the gradients go on through it.
        """
        return self._update(
            self.optimizer,
            self.generator_variables,
            terms_function,
            args,
            recorded,
        )

    def _update_discriminator(self, terms_function, *args):
        """Take one discriminator step; return its terms and other outputs."""
        return self._update(
            self.discriminator_optimizer,
            self.discriminator_variables,
            terms_function,
            args,
        )

    def _update(
        self, optimizer, variables, terms_function, args, recorded=None
    ):
        # `optimizer.apply` sums over the replicas.
        replicas = self.distribute_strategy.num_replicas_in_sync
        passed, passed_tape = recorded or (None, None)
        args = args if recorded is None else (passed, *args)

        def gradients_and_terms(*args):
            with tf.GradientTape() as tape:
                if recorded is not None:
                    tape.watch(args[0])
                terms, outputs = terms_function(*args, training=True)
                objective = self.weighted_sum(terms) / replicas
                objective = optimizer.scale_loss(objective)
            sources = variables if recorded is None else args[0]
            return tape.gradient(objective, sources), terms, outputs

        gradients, terms, outputs = self._compiled_replica(gradients_and_terms)(
            *args
        )
        if recorded is not None:
            gradients = passed_tape.gradient(passed, variables, gradients)
        optimizer.apply(gradients, variables)
        return terms, outputs

    def _compiled_replica(self, function):
        """Let XLA compile what lies inside one of several replicas."""
        if not self._jit_replica:
            return function
        return tf.function(function, jit_compile=True)

    def _report(self, generator_terms, discriminator_terms, training=True):
        """Count the step, record the terms; return the means so far."""
        if training:
            self.step.assign_add(1)
        logs = {}
        for prefix, terms in (
            ("g", generator_terms),
            ("d", discriminator_terms),
        ):
            values = {f"{prefix}_loss": self.weighted_sum(terms)}
            values |= {f"{prefix}_{name}": v for name, v in terms.items()}
            for name, value in values.items():
                self.trackers[name].update_state(value)
                logs[name] = self.trackers[name].result()
        return logs
