"""How a model is compiled: optimizers, rates, weights of terms, options.

What was left to the published recipe stays so in a saved model.
"""

import contextlib
import inspect

import keras
import tensorflow as tf

from keras_gans import augmentation, losses
from keras_gans.models import averages, rates, updates
from keras_gans.models.checks import check_loss_weights
from keras_gans.optimizers import Adam
from keras_gans.recompute import recomputed


class CompiledModel(keras.Model):
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
                generators. Default: Adam with the recipe's learning rate.
            discriminator_optimizer: the same for the discriminators.
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
                themselves. See `keras_gans.models.averages`.
            augment_discriminator: str, for few pictures: what is done to all
                that discriminators see in training, out of `color`,
                `translation` and `cutout`, with commas between. See
                `keras_gans.augmentation`.
            jit_compile: `True`, `False` or `"auto"`, which means XLA on an
                accelerator and a plain graph on the CPU, where XLA was
                measured two to three times slower.
            recompute: bool, whether the generators' maps are made anew for
                the gradients instead of kept: less memory, more time; see
                `keras_gans.recompute`. Not with batch normalisation.
            **kwargs: `run_eagerly` and `steps_per_execution`, as in Keras.

        Raises:
            ValueError: if a loss, a term, a schedule or a policy is unknown,
                a weight negative, `total_steps` below 1, `ema` not between 0
                and 1, or the generators cannot be recomputed.
        """
        averages.check_decay(ema)
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
        super().compile(
            optimizer=generator_optimizer
            or self._default_optimizer(generator_rate),
            jit_compile=bool(jit_compile) and replicas == 1,
            **kwargs,
        )
        self.discriminator_optimizer = updates.scaled(
            discriminator_optimizer
            or self._default_optimizer(discriminator_rate),
            self.dtype_policy,
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
            self.optimizer.build(self.generator_variables)
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
        if self.compiled and self._course is not None:
            own = [
                n for n, given in self._given_optimizers.items() if not given
            ]
            callbacks = rates.following(self._course, own, callbacks)
        if self.averages is None:
            return super().fit(*args, callbacks=callbacks, **kwargs)
        self.averages.put(False)
        try:
            return super().fit(*args, callbacks=callbacks, **kwargs)
        finally:
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
        with self.averaged():
            return super().evaluate(*args, **kwargs)

    def save(self, *args, **kwargs):
        with self.averaged():
            return super().save(*args, **kwargs)

    def _pass(self, network):
        """Return how a generator is called where gradients are taken."""
        return self._passes.get(network.name, network)
