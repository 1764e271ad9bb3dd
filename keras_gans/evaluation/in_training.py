"""What `callbacks.Evaluation` measures in a run."""

from keras_gans import metrics
from keras_gans.evaluation import cases, extractors, measure, translators

COUNT = 100  # pictures of each side
_BESIDE = ("l1", "ssim", "cycle_error")  # cheap, where they apply


def prepare(settings, kind, sides=None, best=None, extractor="faces"):
    """Prepare the measuring of a run.

    Args:
        settings: dict, the settings of the run.
        kind: str, the model's `data_kind`.
        sides: the opened data of the run, dict from name to `Pictures`, or
            None.
        best: str, the metric by which the best state is chosen. Default:
            `"l1"` where the truth of each input is known, as for pairs and
            the embedded faces, else `"kid"`.
        extractor: str, as `extractors.opened` takes it; for the metrics that
            need one.

    Returns:
        `(evaluate, best)`, for `callbacks.Evaluation`.

    Raises:
        ValueError: in one line, if the metric is unknown, cannot be measured
            on these pictures, or its extractor cannot be had.
    """
    found, _ = cases.of_run(settings, kind, COUNT, sides)
    is_paired = all(case.is_paired for case in found.values())
    best = best or ("l1" if is_paired else "kid")
    measure.check([best])
    metric = metrics.get(best)
    if metric.paired and best != "cycle_error" and not is_paired:
        raise ValueError(
            "best must be a metric that needs no truth of each input where "
            f"pictures are not paired, such as kid. Received: {best!r}"
        )
    features = None
    if metric.needs_extractor:
        features = extractors.opened(extractor)
        if isinstance(features, ValueError):
            raise features
    evaluator = measure.Evaluator(found, [best], features, _BESIDE)
    return lambda model: evaluator(translators.of_model(model)), best
