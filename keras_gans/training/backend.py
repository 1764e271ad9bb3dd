"""Check that Keras' settings are supported by the models."""

import os

from keras_gans.checks import UserError

_POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def check_backend():
    """Check that Keras runs on TensorFlow.

    Raises:
        UserError: saying what to set, also if the other backend is not
            installed.
    """
    backend = os.environ.get("KERAS_BACKEND")
    if not backend:
        try:
            import keras

            backend = keras.backend.backend()
        except ImportError as error:
            backend = error.name
            if backend not in ("jax", "torch", "openvino"):
                raise
    if backend != "tensorflow":
        raise UserError(
            "KERAS_BACKEND must be tensorflow, in the environment or as "
            '"backend" in keras.json, before keras is imported. Received: '
            f"{backend!r}"
        )


def check_settings(policy):
    """Check the dtype policy and data format of layers.

    Args:
        policy: str, name of a model's dtype policy.

    Raises:
        UserError: saying what to set.
    """
    import keras

    settings = keras.config
    if settings.image_data_format() != "channels_last":
        raise UserError(
            "image_data_format must be channels_last: call "
            'keras.config.set_image_data_format("channels_last"), or set it '
            f"in keras.json. Received: {settings.image_data_format()!r}"
        )
    if settings.floatx() != "float32":
        raise UserError(
            'floatx must be float32: call keras.config.set_floatx("float32"), '
            f"or set it in keras.json. Received: {settings.floatx()!r}"
        )
    general = settings.dtype_policy().name
    for name in (policy, general):
        if name not in _POLICIES:
            raise UserError(
                f"dtype policy must be one of {', '.join(_POLICIES)}; see "
                f"keras.config.set_dtype_policy. Received: {name!r}"
            )
    if policy != general:
        raise UserError(
            "dtype must be left out, as networks have the policy of "
            f"keras.config.set_dtype_policy, {general!r}. Received: {policy!r}"
        )
