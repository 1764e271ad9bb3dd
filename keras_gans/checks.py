"""Checks of what callers give: wrong use is found early and said in a line."""

# Bounds of what may come from a file: no image or table of ours is near them.
MOST_SIDE = 4096  # pixels of a training image
MOST_LABELS = 1000


class UserError(ValueError):
    """Wrong use: the message names the argument, the rule and the value.

    Commands print it in one line and exit with code 2. Any other exception
    is a bug, or one of the expected ends of a run, and is never caught with
    it.
    """


def at_least(least, **arguments):
    """Check that arguments are integers, and large enough.

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
    """Check that arguments are integers, neither too small nor too large.

    The upper bounds keep what a file from elsewhere asks for, or a slip of a
    finger, from taking all memory or building for ever.

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
