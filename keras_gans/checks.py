"""Check arguments early and report wrong use in one line."""

import math
import numbers
import unicodedata

# Control and formatting characters, halves of a character, line ends.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

# Bounds of what may come from a file: no image or table of ours is near them.
MOST_SIDE = 4096  # pixels of a training image
MOST_LABELS = 1000
MOST_LATENTS = 2**16  # numbers of a latent vector


class UserError(ValueError):
    """Reports wrong use: names the argument, the rule and the value.

    Commands print it in one line and exit with code 2. Any other exception
    is a bug, or one of the expected ends of a run, and is not caught with
    it. The message gives file names as `shown` returns them.
    """

    # Keras' layers and AutoGraph then leave the message as it is: one line.
    _keras_call_info_injected = True
    ag_pass_through = True

    def __init__(self, message):
        super().__init__(shown(message))


def shown(text):
    """Escape text so that a terminal or a page shows it safely in one line.

    A file name may hold line ends, terminal commands, marks that change the
    text direction, and bytes that are not text. They are escaped as in
    Python, such as `\\x1b`.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def at_least(least, **arguments):
    """Check that arguments are integers of at least `least`.

    Args:
        least: int, the smallest allowed value.
        **arguments: the values by argument.

    Raises:
        UserError: naming the argument, its rule and its value.
    """
    for name, value in arguments.items():
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if not is_integer or value < least:
            raise UserError(
                f"{name} must be an integer from {least} up. "
                f"Received: {value!r}"
            )


def between(least, most, **arguments):
    """Check that arguments are integers from `least` to `most`.

    The upper bounds keep typing errors and files from unknown sources from
    using up all memory or time.

    Args:
        least: int, the smallest allowed value.
        most: int, the largest.
        **arguments: the values by argument.

    Raises:
        UserError: naming the argument, its rule and its value.
    """
    at_least(least, **arguments)
    for name, value in arguments.items():
        if value > most:
            shown = value if value < 10**20 else "a longer number"
            raise UserError(
                f"{name} must be an integer from {least} to {most}. "
                f"Received: {shown}"
            )


def number(least, most=math.inf, **arguments):
    """Check that arguments are finite numbers from `least` to `most`.

    Args:
        least: float, the smallest allowed value.
        most: float, the largest.
        **arguments: the values by argument.

    Raises:
        UserError: naming the argument, its rule and its value.
    """
    end = "up" if most == math.inf else f"to {most:g}"
    for name, value in arguments.items():
        is_number = isinstance(value, numbers.Real)
        is_number &= not isinstance(value, bool)
        if not (is_number and least <= value <= most and value < math.inf):
            raise UserError(
                f"{name} must be a finite number from {least:g} {end}. "
                f"Received: {value!r}"
            )


def one_of(allowed, **arguments):
    """Check that arguments are among the allowed values.

    Args:
        allowed: iterable of str.
        **arguments: the values by argument.

    Raises:
        UserError: naming the argument, its rule and its value.
    """
    allowed = list(allowed)
    for name, value in arguments.items():
        if value not in allowed:
            raise UserError(
                f"{name} must be one of {', '.join(allowed)}. "
                f"Received: {value!r}"
            )


def seed(value):
    """Check that NumPy and TensorFlow take a seed.

    Raises:
        UserError: if it is not an int from 0 to below 2**32.
    """
    at_least(0, seed=value)
    if value >= 2**32:
        raise UserError(f"seed must be below 2**32. Received: {value}")


def long_seed(value):
    """Check that a seed is an int of 64 bits, as tensors hold it.

    Raises:
        UserError: if it is not one from -2**63 to below 2**63.
    """
    between(-(2**63), 2**63 - 1, seed=value)
