"""The base of all trained models: compile, fit, update, report, save.

A model names its players and their loss terms and defines its own
`train_step`; this class turns the terms of a player into one update of that
player's weights.
"""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf
from keras import saving

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers import frozen_statistics
from keras_gans.optimizers import Adam
from keras_gans.training import (
    averages,
    batches,
    devices,
    rates,
    state,
    updates,
)
from keras_gans.training.checks import (
    check_batch,
    check_compile,
    check_images,
    check_loss_weights,
    check_values,
)
from keras_gans.training.inference import InferenceModel
from keras_gans.training.recompute import recomputed

__all__ = ["BaseModel", "InferenceModel", "check_images", "check_values"]


class BaseModel(InferenceModel):
    """Base of trained models: players with optimizers and named loss terms.

    A subclass sets the class attributes, builds its networks in `__init__`
    and then calls `_make_state()`. It defines the property `players`, for each
    player a method that returns its terms as named, unweighted means, and
    `train_step` with the paper's order of updates.

    The first player is used after training: `ema` averages its weights,
    `recompute` saves its memory, samples show its outputs.

    `model.<player>_optimizer` and `model.<player>_variables` belong to a
    player.

    Attributes:
        data_kind: the pipeline of `keras_gans.datasets` for the model.
        labelled_kind: that where labels are asked for, if it may be another.
        terms: dict from each player, in the order of `players`, to the names
            of its loss terms. The logs of `latent_discriminator` are
            `ld_loss` and `ld_<term>`.
        critic_steps: int, updates per training step of all players but the
            first, each on its own part of the batch.
        generator_steps: int, updates per training step of the first player,
            all on the same batch.
        step: int64 variable, training steps taken; also the position in the
            data, so that a resumed run continues with the next batch.
    """

    terms = {}
    # By name, where a model has several: objects with the attributes below
    # that depend on the architecture.
    architectures = {}
    critic_steps = 1
    generator_steps = 1
    # What `compile()` uses where an argument is None.
    default_adam = Adam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    # Epochs at that rate and epochs of its linear decay, or None.
    default_epochs = None
    # None where no player judges another.
    default_adversarial_loss = None
    default_loss_weights = {}
    default_ema = None
    default_batch_size = 1
    # None where `default_epochs` says how long to train.
    default_steps = None
    # What the command trains where no data are given: settings by name.
    demonstration = {}
    # Arguments without which the command trains on no data of the user's.
    needed = ()
    # Made by `compile(ema=...)`.
    averages = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for player in cls.terms:
            variables = functools.partial(cls.variables_of, player=player)
            setattr(cls, f"{player}_variables", property(variables))

    @classmethod
    def recipe_of(cls, architecture=None):
        """Return the object that holds an architecture's recipe.

        Args:
            architecture: str. Default: that of the model; the recipe of a
                model with only one is the class.

        Raises:
            UserError: if there is no such architecture.
        """
        if not cls.architectures:
            return cls
        if architecture is None:
            known = inspect.signature(cls.__init__).parameters
            architecture = known["architecture"].default
        checks.one_of(cls.architectures, architecture=architecture)
        return cls.architectures[architecture]

    @classmethod
    def default_settings(cls, demonstration=False, **arguments):
        """Return the recipe's settings for `cls(**arguments)`.

        Args:
            demonstration: bool, whether to return those of the short run on
                the embedded faces.
            **arguments: the model's own.

        Returns:
            dict with `image_size`, the model's default, `batch_size`, and
            `steps` and `epochs`, one of them None; for a demonstration also
            its data.
        """
        recipe = cls.recipe_of(arguments.get("architecture"))
        image_size = inspect.signature(cls.__init__).parameters["image_size"]
        steps, epochs = recipe.default_steps, recipe.default_epochs
        settings = {
            "image_size": image_size.default or recipe.image_size,
            "batch_size": recipe.default_batch_size,
            "steps": steps,
            "epochs": sum(epochs) if epochs and not steps else None,
        }
        if demonstration:
            settings |= recipe.demonstration | {"epochs": None}
        return settings

    def _make_state(self):
        """Create the step counter and one tracker per term."""
        if self.architectures:
            recipe = self.recipe_of(self.architecture)
            # Those of a class derived from it have precedence.
            classes = type(self).__mro__
            first = [c for c in classes if "architectures" in vars(c)][0]
            own = {n for c in classes[: classes.index(first)] for n in vars(c)}
            for attribute, value in vars(recipe).items():
                if attribute.startswith("default_") and attribute not in own:
                    setattr(self, attribute, value)
        self.step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self.trackers = state.make_trackers(self.terms)
        self.built = True

    @property
    def counters(self):
        """Dict from name to the variables that say where the training is."""
        return {"step": self.step}

    @property
    def players(self):
        """Dict from player name to a tuple of its networks."""
        raise NotImplementedError

    @property
    def networks(self):
        """All networks, starting with those of the first player."""
        return tuple(n for own in self.players.values() for n in own)

    @property
    def used_networks(self):
        """The networks of the first player."""
        return next(iter(self.players.values()))

    @property
    def discriminator_terms(self):
        """How many losses of logits the logged d_real is the sum of."""
        return len(self.players.get("discriminator", ()))

    def variables_of(self, player):
        """Return the variables that a player's updates change.

        Once each, also where layers stand in several networks.
        """
        networks = self.players[player]
        variables = (v for n in networks for v in n.trainable_variables)
        return list({id(v): v for v in variables}.values())

    def optimizer_of(self, player):
        """Return a player's optimizer."""
        return getattr(self, f"{player}_optimizer")

    @property
    def batch_shapes(self):
        """Dict from key to array shape of a batch; see `check_values`."""
        images = (None, self.image_size, self.image_size, 3)
        return {"images_a": images, "images_b": images}

    def _check_batch(self, batch, shapes=None):
        """Check a batch; return its tensors, in the order of the shapes."""
        shapes = shapes or self.batch_shapes
        values = check_batch(batch, shapes)
        if any(isinstance(value, tf.TensorSpec) for value in values):
            return values
        tensors = [tf.cast(value, tf.float32) for value in values]
        return [
            # If the data set does not tell: checked in every step.
            tensor
            if tensor.shape[1:].is_fully_defined()
            else tf.ensure_shape(tensor, shape)
            for tensor, shape in zip(tensors, shapes.values(), strict=True)
        ]

    def compile(
        self,
        adversarial_loss=None,
        loss_weights=None,
        learning_rate=None,
        total_steps=None,
        schedule=None,
        ema=None,
        jit_compile="auto",
        recompute=False,
        **kwargs,
    ):
        """Configure training; without arguments, the published recipe.

        Args:
            adversarial_loss: `"non_saturating"`, `"least_squares"`,
                `"hinge"` or `"wasserstein"`; for models that have one.
            loss_weights: dict from term to float; missing terms keep the
                weight of the recipe. A term of weight 0 is dropped: it is
                neither logged nor computed in a graph.
            learning_rate: float, or a Keras schedule of training steps, for
                the optimizers that are not given.
            total_steps: int, training steps of the whole run. If the recipe
                decays the rate, a number is constant for the first half of
                the run, then linear to zero. Default: the recipe's steps; if
                the recipe counts epochs, the epochs of `fit`, as many as it
                has (`default_epochs`), some constant and some down to zero. A
                run of one long epoch then stays constant.
            schedule: `"linear"`, such a decay, or `"constant"`, where
                `learning_rate` is none itself. Default: the recipe's.
            ema: float, such as 0.999, the decay of a moving average of the
                generators' weights, used for translation, evaluation and
                export; training continues with the weights themselves, also
                where a trained model is compiled again. See
                `keras_gans.training.averages`. 0 for none. Default: the
                recipe's, mostly none.
            jit_compile: `True`, `False` or `"auto"`, which means XLA on an
                accelerator and a plain graph on the CPU, where XLA was
                measured two to three times slower.
            recompute: bool, whether to recompute the generators' activations
                in the backward pass (gradient checkpointing): less memory,
                more time; see `keras_gans.training.recompute`. Not with batch
                normalization.
            **kwargs: `generator_optimizer`, `discriminator_optimizer`, one
                for each player: a separate `keras.optimizers.Optimizer`, its
                name or its config. Default: Adam with the recipe's learning
                rate. `run_eagerly` and `steps_per_execution`, as in Keras.

        Raises:
            UserError: if an argument is invalid, or is one of Keras' that has
                no meaning here, such as `loss`.
        """
        asked_jit = jit_compile  # of what a file is loaded on, not of here
        names = [f"{player}_optimizer" for player in self.terms]
        given = {name: kwargs.pop(name, None) for name in names}
        kwargs = check_compile(jit_compile, kwargs, names)
        ema = self.default_ema if ema is None else ema
        averages.check_decay(ema)
        given = updates.check_optimizers(self, given)
        if adversarial_loss is not None and not self.default_adversarial_loss:
            raise UserError(
                f"adversarial_loss must be left out: {type(self).__name__} has "
                f"none. Received: {adversarial_loss!r}"
            )
        self.adversarial_loss = (
            adversarial_loss or self.default_adversarial_loss
        )
        if self.adversarial_loss:
            self._generator_loss, self._discriminator_loss = losses.adversarial(
                self.adversarial_loss
            )
        self.loss_weights = check_loss_weights(
            loss_weights, self.default_loss_weights, *self.terms.values()
        )
        self._passes = {
            id(n): recomputed(n) for n in self.used_networks if recompute
        }
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile == "auto":
            jit_compile = bool(tf.config.list_logical_devices("GPU"))
            jit_compile &= not kwargs.get("run_eagerly", False)
        # Keras compiles `strategy.run` as a whole, which XLA refuses with
        # several replicas; `updates` then compiles what lies inside.
        self.jit_replica = bool(jit_compile) and replicas > 1
        published = self.default_learning_rate
        if schedule and callable(published):
            published = float(published(0))  # the one that is named replaces it
        first_rate, other_rate, self._course = rates.published(
            published if learning_rate is None else learning_rate,
            self.default_epochs,
            self.default_steps if total_steps is None else total_steps,
            schedule,
            self.critic_steps,
            self.generator_steps,
        )
        self.rate_decays = callable(first_rate)
        self._own_optimizers = [n for n, o in given.items() if o is None]
        made = {}
        for name, optimizer in given.items():
            optimizer = optimizer or self.default_adam(
                other_rate if made else first_rate,
                beta_1=self.default_beta_1,
                name="adam",
            )
            made[name] = updates.scaled(optimizer, self.dtype_policy)
        super().compile(
            optimizer=made[names[0]],
            jit_compile=bool(jit_compile) and replicas == 1,
            auto_scale_loss=False,  # it is done
            **kwargs,
        )
        for name, optimizer in made.items():
            setattr(self, name, optimizer)
        self._all_optimizers = rates.AllOptimizers(*made.values())
        self._compile_arguments = {
            "adversarial_loss": self.adversarial_loss,
            "loss_weights": dict(self.loss_weights),
            "learning_rate": learning_rate,
            "total_steps": total_steps,
            "schedule": schedule,
            "ema": ema,
            "jit_compile": asked_jit,
            "recompute": recompute,
            **kwargs,
        }
        # Slots made inside a traced step fail under a strategy, and slots
        # that do not exist yet are silently skipped when weights are loaded.
        with self.distribute_strategy.scope():
            for player in self.terms:
                self.optimizer_of(player).build(self.variables_of(player))
            self._average(ema)

    def _average(self, ema):
        """Make the averages; those of earlier training go on if they fit."""
        weights = self.variables_of(next(iter(self.terms)))
        if self.averages:
            if ema and self.averages.is_of(weights):
                self.averages.decay = ema
                return
            self.averages.put(False)
        self.averages = averages.Averages(ema, weights) if ema else None

    @property
    def optimizer(self):
        """The optimizer for Keras' callbacks: see `rates.AllOptimizers`."""
        return self._all_optimizers

    @optimizer.setter
    def optimizer(self, optimizer):
        # As Keras' own `compile` does.
        setattr(self, f"{next(iter(self.terms))}_optimizer", optimizer)

    def get_compile_config(self):
        if not self.compiled:
            return {}
        names = (f"{player}_optimizer" for player in self.terms)
        own = self._own_optimizers  # left to the recipe, which stays so
        given = {n: getattr(self, n) for n in names if n not in own}
        return saving.serialize_keras_object(self._compile_arguments | given)

    def compile_from_config(self, config):
        self.compile(**saving.deserialize_keras_object(config))

    def fit(self, *args, **kwargs):
        """Train, as `keras.Model.fit`; learning rates follow the recipe.

        Callbacks that set the rate, or setting `model.optimizer`'s rate,
        replace the recipe; all players' rates then change in proportion.

        Raises:
            UserError: if the data never end, or are no batches of the model.
        """
        arguments = batches.bound(super().fit, args, kwargs)
        data = self._data()
        data.prepare(arguments, "x", "steps_per_epoch")
        data.prepare(arguments, "validation_data", "validation_steps")
        if self.compiled:
            callbacks = rates.following(
                self._course,
                self,
                self._own_optimizers,
                arguments.get("callbacks"),
                arguments.get("epochs", 1),
            )
            own = [*self._finalizers(), *self._own_callbacks(arguments)]
            arguments["callbacks"] = rates.with_first(own, callbacks, self)
        with data.errors(), self._trained():
            return super().fit(**arguments)

    def _finalizers(self):
        """Return callbacks that put the averages of `use_ema` into place.

        Keras does so for one optimizer, also before other callbacks.
        """

        found = []
        for player in self.terms:
            optimizer = self.optimizer_of(player)
            if getattr(optimizer, "inner_optimizer", optimizer).use_ema:
                finalize = functools.partial(
                    optimizer.finalize_variable_values,
                    self.variables_of(player),
                )
                found.append(
                    keras.callbacks.LambdaCallback(
                        on_train_end=lambda logs, finalize=finalize: finalize()
                    )
                )
        return found

    def _prepare(self):
        """Read what training and evaluation need, and nothing else does."""

    def make_train_function(self, force=False):
        self._prepare()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self._prepare()
        return super().make_test_function(force)

    def _own_callbacks(self, arguments):
        """Return callbacks that a `fit` with these arguments needs."""
        return []

    def _data(self):
        replicas = self.distribute_strategy.num_replicas_in_sync
        return batches.Data(self._check_batch, replicas)

    @contextlib.contextmanager
    def _trained(self):
        """Return a context in which the networks hold the trained weights."""
        if self.averages is None:
            yield
            return
        if not self.averages.is_of(self.variables_of(next(iter(self.terms)))):
            raise UserError(
                "trainable must not change between compile and fit with ema: "
                "compile again"
            )
        self.averages.is_training = True
        self.averages.put(False)
        try:
            yield
        finally:
            self.averages.is_training = False
            self.averages.put(True)

    def averaged(self):
        """Return a context in which the generators hold their averages.

        For callbacks; outside of `fit` they always do. Without `ema` nothing
        changes.
        """
        if self.averages is None:
            return contextlib.nullcontext()
        return self.averages.used()

    def evaluate(self, *args, **kwargs):
        """Evaluate as `keras.Model.evaluate`, with the averaged weights.

        Raises:
            UserError: if the data never end, or are no batches of the model.
        """
        arguments = batches.bound(super().evaluate, args, kwargs)
        data = self._data()
        if not arguments.get("_use_cached_eval_dataset"):  # which `fit` checks
            data.prepare(arguments, "x", "steps")
        with data.errors(), self.averaged():
            return super().evaluate(**arguments)

    def train_on_batch(self, *args, **kwargs):
        arguments = batches.bound(super().train_on_batch, args, kwargs)
        self._check_batch(arguments["x"])
        with self._trained():
            return super().train_on_batch(**arguments)

    def test_on_batch(self, *args, **kwargs):
        arguments = batches.bound(super().test_on_batch, args, kwargs)
        self._check_batch(arguments["x"])
        with self.averaged():
            return super().test_on_batch(**arguments)

    def export(self, *args, **kwargs):
        with self.averaged():
            return super().export(*args, **kwargs)

    def save(self, filepath, *args, **kwargs):
        if str(filepath).endswith((".h5", ".hdf5")):
            raise UserError(
                "filepath must end with .keras, the format that keeps all "
                f"optimizers. Received: {str(filepath)!r}"
            )
        with self.averaged():
            return super().save(filepath, *args, **kwargs)

    def save_weights(self, *args, **kwargs):
        with self.averaged():
            return super().save_weights(*args, **kwargs)

    def load_weights(self, *args, **kwargs):
        super().load_weights(*args, **kwargs)
        if self.averages:
            self.averages.put(not self.averages.is_training)

    def get_weights(self):
        with self.averaged():
            return super().get_weights()

    def set_weights(self, weights):
        super().set_weights(weights)
        if self.averages:
            self.averages.reset()

    save_own_variables = state.save
    load_own_variables = state.load

    def kept(self, terms):
        """Return the terms whose weight is above 0."""
        return {n: value for n, value in terms.items() if self.loss_weights[n]}

    def weighted_sum(self, terms):
        """Return a player's objective: its terms times `loss_weights`."""
        kept = self.kept(terms)
        return tf.add_n([self.loss_weights[n] * v for n, v in kept.items()])

    def _only_for(self, term):
        """Return a context in which passes compute only this term.

        If it is dropped, no moving statistics record the passes, and a graph
        does not compute them.
        """
        if self.loss_weights[term]:
            return contextlib.nullcontext()
        return frozen_statistics()

    def _pass(self, network):
        """Return the function for generator passes with gradients."""
        return self._passes.get(id(network), network)

    _record = updates.record

    def _update(self, player, terms_function, *args, recorded=None):
        """Take one step of a player; return its terms and its other outputs.

        With `recorded`, the result of `_record`, `terms_function` first gets
        the outputs of that pass, and gradients flow through it.
        """
        return updates.update(self, player, terms_function, args, recorded)

    _update_in_turn = updates.update_in_turn

    def _report(self, terms, training=True):
        """Count the step and record the terms; return the means so far.

        Args:
            terms: dict from player to its terms.
            training: bool.
        """
        if training:
            self.step.assign_add(1)
        logs = {}
        for player, found in terms.items():
            prefix = state.prefix(player)
            values = {f"{prefix}_loss": self.weighted_sum(found)}
            found = self.kept(found)
            values |= {f"{prefix}_{name}": v for name, v in found.items()}
            for name, value in values.items():
                self.trackers[name].update_state(value)
                logs[name] = self.trackers[name].result()
        if devices.is_multi_worker(self.distribute_strategy):
            # Keras averages over the workers along the first axis.
            logs = {name: value[None] for name, value in logs.items()}
        return logs

    def record_statistics(self, batch):
        """Run a batch through the first player in training mode, as deployed.

        For moving statistics; networks without them have nothing to record.
        The caller keeps random states: see `callbacks.statistics.refresh`.
        """

    def calibrate(self, batches):
        """Fit what is not trained by gradients to held-out images.

        For models whose outputs are probabilities.

        Args:
            batches: iterable of batches.
        """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Do nothing, as everything is already built.

        Keras would trace a step with its own batch, and with several workers
        fail on values that differ by replica.
        """
