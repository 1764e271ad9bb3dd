"""Set up `callbacks.Evaluation` for a run."""

from keras_gans import callbacks, metrics
from keras_gans.callbacks import statistics
from keras_gans.checks import UserError
from keras_gans.evaluation import cases, extractors, measure, translators
from keras_gans.training import devices

COUNT = 100  # images of each side
_BESIDE = ("l1", "ssim", "cycle_error")  # cheap, where they apply


def prepare(settings, data, verbs, extractor="faces"):
    """Prepare the evaluation during a run.

    Args:
        settings: dict, the settings of the run. `best`, the metric that
            selects the best state, may be None: `"l1"` if the truth of each
            input is known, as for pairs and the embedded faces, else
            `"kid"`. If it is not known, nothing is measured unless `best` or
            `evaluate_every` is given, since features of a network trained on
            other images mean little.
        data: `datasets.Data` of the run.
        verbs: list of `Verb`, those of the model.
        extractor: str, argument of `extractors.opened`, for the metrics that
            need one.

    Returns:
        `(evaluate, best)`, for `callbacks.Evaluation`, or None if there is
        nothing to measure.

    Raises:
        UserError: in one line, if the metric is unknown, cannot be measured
            on these images, or its extractor cannot be loaded.
    """
    every, best = settings["evaluate_every"], settings["best"]
    if every == 0:
        if best:
            raise UserError(
                "best must be left out with evaluate_every 0, by which "
                f"nothing is measured. Received: {best!r}"
            )
        return None
    verbs = [verb for verb in verbs if verb.output is None]
    found = verbs and cases.data_of_run(settings, data).cases(verbs, COUNT)
    if not found:
        if every or best:
            raise UserError(
                "evaluate_every and best must be left out for a model whose "
                "outputs are labels, which are measured at the end, or "
                f"resemble none of the data. Received: {every}, {best!r}"
            )
        return None
    is_paired = all(case.is_paired for case in found.values())
    if not (is_paired or every or best):
        return None
    best = best or ("l1" if is_paired else "kid")
    measure.check([best])
    metric = metrics.get(best)
    backs = {verb.back for verb in verbs if verb.name in found}
    if best == "cycle_error" and not backs <= {verb.name for verb in verbs}:
        raise UserError(
            "best must be a metric that needs no way back for a model that has "
            f"none, such as kid. Received: {best!r}"
        )
    if metric.paired and best != "cycle_error" and not is_paired:
        raise UserError(
            "best must be a metric that needs no truth of each input where "
            f"images are not paired, such as kid. Received: {best!r}"
        )
    features = None
    if metric.needs_extractor:
        features = extractors.opened(extractor)
    evaluator = measure.Evaluator(found, [best], features, _BESIDE)
    return lambda model: evaluator(translators.of_model(model)), best


def callback(model, data, settings, folder, evaluate, best):
    """Return the `callbacks.Evaluation` of a run.

    Args:
        model: a `BaseModel`.
        data: `datasets.Data` of the run.
        settings: dict, the settings of the run.
        folder: the run folder.
        evaluate, best: the result of `prepare`.
    """
    strategy = model.distribute_strategy
    every = settings["evaluate_every"]

    def measured(model):
        # Refreshed with every checkpoint, moving statistics lag in between.
        step = int(model.step.numpy())
        if step % settings["save_every"]:
            batches = data.batches(step).take(statistics.BATCHES)
            statistics.refresh(model, batches)
        return evaluate(model)

    def decide(decision):
        mine = decision and devices.is_chief(strategy)
        return devices.means(strategy, mine)[0] > 0

    return callbacks.Evaluation(
        every or settings["save_every"],
        measured,
        folder,
        best,
        most_cost=None if every else callbacks.MOST_COST,
        decide=decide,
    )
