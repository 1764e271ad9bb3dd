"""How a model is compiled: optimizers, rates, weights of terms, options.

What was left to the published recipe stays so in a saved model.
"""

import contextlib
import inspect

import tensorflow as tf
from keras import saving

from keras_gans import losses
from keras_gans.checks import UserError
from keras_gans.layers import augmentation
from keras_gans.optimizers import Adam
from keras_gans.training import averages, batches, inference, rates, updates
from keras_gans.training.checks import check_compile, check_loss_weights
from keras_gans.training.recompute import recomputed


class CompiledModel(inference.InferenceModel):
    """Base of `AdversarialModel`: how it is compiled, fitted and saved.

    The class attributes are the recipe, which a subclass sets.
    """

    # What `compile()` uses where an argument is None; an instance may set
    # its own when the published recipe depends on the architecture.
    default_adam = Adam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    # Epochs at that rate and epochs of its linear decay, or None.
    default_epochs = None
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {}
    default_batch_size = 1
    # None where `default_epochs` says how long to train.
    default_steps = None
    # What the command trains where no data are given: settings by name.
    demonstration = {}
    # Options of `compile()`, made there.
    averages = None
    augmentation = None

    @classmethod
    def default_settings(cls, demonstration=False, **arguments):
        """Return the recipe's settings for `cls(**arguments)`.

        Args:
            demonstration: bool, whether it is to be the short run on the
                embedded faces.
            **arguments: the model's own.

        Returns:
            dict with `image_size`, what the model takes where none is given,
            `batch_size`, and `steps` or `epochs`, of which the other is None;
            for a demonstration with its data, too.
        """
        image_size = inspect.signature(cls.__init__).parameters["image_size"]
        settings = {
            "image_size": image_size.default,
            "batch_size": cls.default_batch_size,
            "steps": cls.default_steps,
            "epochs": None if cls.default_steps else sum(cls.default_epochs),
        }
        if demonstration:
            settings |= cls.demonstration | {"epochs": None}
        return settings

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        loss_weights=None,
        learning_rate=None,
        total_steps=None,
        schedule=None,
        ema=None,
        augment_discriminator=None,
        jit_compile="auto",
        recompute=False,
        **kwargs,
    ):
        """Set how the model is trained; no argument is the published recipe.

        Args:
            generator_optimizer: `keras.optimizers.Optimizer` of the
                generators, its name or its config. Default: Adam with the
                recipe's learning rate.
            discriminator_optimizer: the same for the discriminators; another
                instance.
            adversarial_loss: `"non_saturating"`, `"least_squares"`,
                `"hinge"` or `"wasserstein"`.
            loss_weights: dict from term to float; terms left out keep the
                weight of the recipe. A term of weight 0 is not computed.
            learning_rate: float, or a Keras schedule, of the optimizers that
                are not given.
            total_steps: int, training steps of the whole run. Where the
                recipe lets the rate fall, a number is constant for the first
                half of them, then linear to zero. Without `total_steps` it
                does so over those of the recipe, or where that counts epochs
                over the epochs of `fit`: 100 at the rate, 100 down to zero. A
                run of one long epoch then stays at the rate.
            schedule: `"linear"`, such a course, or `"constant"`. Default: the
                recipe's.
            ema: float, such as 0.999, the decay of a moving average of the
                generators' weights, which then is what translates, is
                evaluated and exported; training goes on with the weights
                themselves. See `keras_gans.training.averages`.
            augment_discriminator: str, for few images: what is done to all
                that discriminators see in training, out of `color`,
                `translation` and `cutout`, with commas between. See
                `keras_gans.layers.augmentation`.
            jit_compile: `True`, `False` or `"auto"`, which means XLA on an
                accelerator and a plain graph on the CPU, where XLA was
                measured two to three times slower.
            recompute: bool, whether the generators' maps are made anew for
                the gradients instead of kept: less memory, more time; see
                `keras_gans.training.recompute`. Not with batch normalization.
            **kwargs: `run_eagerly` and `steps_per_execution`, as in Keras.

        Raises:
            UserError: if an argument does not fit, or is one of Keras' that
                has no meaning with two players, such as `loss`.
        """
        kwargs = check_compile(jit_compile, kwargs)
        averages.check_decay(ema)
        given = updates.check_optimizers(
            self,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
        )
        policies = augmentation.parse(augment_discriminator)
        self.adversarial_loss = (
            adversarial_loss or self.default_adversarial_loss
        )
        self._generator_loss, self._discriminator_loss = losses.adversarial(
            self.adversarial_loss
        )
        self.loss_weights = check_loss_weights(
            loss_weights,
            self.default_loss_weights,
            self.generator_terms,
            self.discriminator_terms,
        )
        generators = [n for n in self.networks if "generator" in n.name]
        self._passes = (
            {n.name: recomputed(n) for n in generators} if recompute else {}
        )
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile == "auto":
            jit_compile = bool(tf.config.list_logical_devices("GPU"))
            jit_compile &= not kwargs.get("run_eagerly", False)
        # Keras compiles `strategy.run` as a whole, which XLA refuses with
        # several replicas; `updates` then compiles what lies inside.
        self.jit_replica = bool(jit_compile) and replicas > 1
        generator_rate, discriminator_rate, self._course = rates.published(
            self.default_learning_rate
            if learning_rate is None
            else learning_rate,
            self.default_epochs,
            self.default_steps if total_steps is None else total_steps,
            schedule,
            self.critic_steps,
        )
        self.rate_decays = callable(generator_rate)
        self._given_optimizers = {n: o is not None for n, o in given.items()}
        generator, discriminator = (
            updates.scaled(
                optimizer or self._default_optimizer(rate), self.dtype_policy
            )
            for optimizer, rate in zip(
                given.values(),
                (generator_rate, discriminator_rate),
                strict=True,
            )
        )
        super().compile(
            optimizer=generator,
            jit_compile=bool(jit_compile) and replicas == 1,
            auto_scale_loss=False,  # it is done
            **kwargs,
        )
        self.discriminator_optimizer = discriminator
        self._both_optimizers = rates.BothOptimizers(generator, discriminator)
        self._compile_arguments = {
            "adversarial_loss": self.adversarial_loss,
            "loss_weights": dict(self.loss_weights),
            "learning_rate": learning_rate,
            "total_steps": total_steps,
            "schedule": schedule,
            "ema": ema,
            "augment_discriminator": augment_discriminator,
            "jit_compile": bool(jit_compile),
            "recompute": recompute,
            **kwargs,
        }
        # Slots made inside a traced step fail under a strategy, and slots
        # that do not exist yet are silently skipped when weights are loaded.
        with self.distribute_strategy.scope():
            self.generator_optimizer.build(self.generator_variables)
            self.discriminator_optimizer.build(self.discriminator_variables)
            self.averages = self.augmentation = None
            if ema is not None:
                self.averages = averages.Averages(ema, self.generator_variables)
            if policies:
                self.augmentation = augmentation.Augmentation(policies)

    def _default_optimizer(self, learning_rate):
        return self.default_adam(
            learning_rate,
            beta_1=self.default_beta_1,
            name="adam",
        )

    @property
    def optimizer(self):
        """What Keras' callbacks use: see `rates.BothOptimizers`."""
        return self._both_optimizers

    @optimizer.setter
    def optimizer(self, optimizer):
        # As Keras' own `compile` does.
        self.generator_optimizer = optimizer

    def get_compile_config(self):
        if not self.compiled:
            return {}
        # What was left to the recipe stays so.
        arguments = dict(self._compile_arguments)
        for name, is_given in self._given_optimizers.items():
            if is_given:
                arguments[name] = getattr(self, name)
        return saving.serialize_keras_object(arguments)

    def compile_from_config(self, config):
        self.compile(**saving.deserialize_keras_object(config))

    def fit(self, *args, **kwargs):
        """Train, as `keras.Model.fit`; the rates follow the recipe.

        Callbacks that set the rate, or who sets `model.optimizer`'s, take the
        recipe's place; both players' rates then move in proportion.

        Raises:
            UserError: if the data never end, or are no batches of the model.
        """
        arguments = batches.bound(super().fit, args, kwargs)
        batches.refuse_targets(arguments)
        data = self._data()
        data.prepare(arguments, "x", "steps_per_epoch")
        data.prepare(arguments, "validation_data", "validation_steps")
        if self.compiled:
            own = [
                n for n, given in self._given_optimizers.items() if not given
            ]
            arguments["callbacks"] = rates.following(
                self._course, self, own, arguments.get("callbacks")
            )
        with data.errors(), self._trained():
            history = super().fit(**arguments)
            # Keras does so for what it knows, one optimizer: for `use_ema`.
            self.generator_optimizer.finalize_variable_values(
                self.generator_variables
            )
            self.discriminator_optimizer.finalize_variable_values(
                self.discriminator_variables
            )
        return history

    def _data(self):
        replicas = self.distribute_strategy.num_replicas_in_sync
        return batches.Data(self._check_batch, replicas)

    @contextlib.contextmanager
    def _trained(self):
        """Have the trained weights in the networks for a while."""
        if self.averages is not None:
            self.averages.put(False)
        try:
            yield
        finally:
            if self.averages is not None:
                self.averages.put(True)

    def averaged(self):
        """Return a context in which the generators are their averages.

        For callbacks; outside of `fit` they are so anyway. Without `ema`
        nothing changes.
        """
        if self.averages is None:
            return contextlib.nullcontext()
        return self.averages.used()

    def evaluate(self, *args, **kwargs):
        """As `keras.Model.evaluate`, by the averages of the weights.

        Raises:
            UserError: if the data never end, or are no batches of the model.
        """
        arguments = batches.bound(super().evaluate, args, kwargs)
        batches.refuse_targets(arguments)
        data = self._data()
        if not arguments.get("_use_cached_eval_dataset"):  # which `fit` checks
            data.prepare(arguments, "x", "steps")
        with data.errors(), self.averaged():
            return super().evaluate(**arguments)

    def train_on_batch(self, *args, **kwargs):
        arguments = batches.bound(super().train_on_batch, args, kwargs)
        batches.refuse_targets(arguments)
        self._check_batch(arguments["x"])
        return super().train_on_batch(**arguments)

    def test_on_batch(self, *args, **kwargs):
        arguments = batches.bound(super().test_on_batch, args, kwargs)
        batches.refuse_targets(arguments)
        self._check_batch(arguments["x"])
        return super().test_on_batch(**arguments)

    def export(self, *args, **kwargs):
        with self.averaged():
            return super().export(*args, **kwargs)

    def save(self, filepath, *args, **kwargs):
        if str(filepath).endswith((".h5", ".hdf5")):
            raise UserError(
                "filepath must end with .keras, the format that keeps both "
                f"optimizers. Received: {str(filepath)!r}"
            )
        with self.averaged():
            return super().save(filepath, *args, **kwargs)

    def _pass(self, network):
        """Return how a generator is called where gradients are taken."""
        return self._passes.get(network.name, network)
