"""Open feature extractors by the text of a flag."""

from keras_gans import files, metrics
from keras_gans.checks import UserError
from keras_gans.faces import edits, identity_network
from keras_gans.metrics import faces


def classifier(image_size, style="photo"):
    """Return `edits.train_classifier`'s result, trained on first use.

    Raises:
        UserError: in one line, if it cannot be trained.
    """
    return faces.trained(
        edits.train_classifier,
        *(image_size, style, files.cache_folder()),
    )


def identities(image_size, style="photo"):
    """Return `train_identity_network`'s result, trained on first use.

    Raises:
        UserError: in one line, if it cannot be trained.
    """
    return faces.trained(
        identity_network.train_identity_network,
        *(image_size, style, files.cache_folder()),
    )


class Unavailable(UserError):
    """The extractor is unavailable; metrics that need none continue."""


def opened(text):
    """Open an extractor.

    Args:
        text: str, a name in `metrics.EXTRACTORS`, or `"NAME=FILE"` with a
            file of its weights.

    Returns:
        `metrics.Extractor`.

    Raises:
        UserError: for an unknown name; `Unavailable` if it cannot be loaded.
    """
    name, _, file = text.partition("=")
    if name not in metrics.EXTRACTORS:
        raise UserError(
            f"extractor must be one of {', '.join(metrics.EXTRACTORS)}, or "
            f"NAME=FILE. Received: {text!r}"
        )
    options = {"weights": file or None}
    if name == "faces" and not file:
        options |= {
            "train": edits.train_classifier,
            "folder": files.cache_folder(),
        }
    try:
        return metrics.extractor(name, **options)
    except (UserError, OSError) as error:
        raise Unavailable(str(error)) from error
