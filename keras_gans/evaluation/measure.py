"""Compute metrics of translations for each direction."""

import numpy as np

from keras_gans import checks, datasets, images, metrics, verbs
from keras_gans.checks import UserError
from keras_gans.metrics import classification

BATCH = 32


def check(names):
    """Raise UserError unless these are names of metrics."""
    for name in names:
        checks.one_of(metrics.names(), metrics=name)


class Evaluator:
    """Measures translations; repeated calls measure real images only once.

    It changes neither the model nor any random state.

    Args:
        cases: dict from direction to `Case`.
        names: list of str in `metrics.names()`, the required metrics: those
            that cannot be measured here give an error.
        extractor: argument of `metrics.create`.
        optional: the same for optional metrics, skipped if not measurable.
        unavailable: str, the reason why there is no extractor, if any.

    Raises:
        UserError: for an unknown metric.

    Attributes:
        cases: the argument.
        fakes: dict from direction to `Pictures`, the translations of the last
            call; `backs` the same for images translated back.
        metrics: dict from direction to a dict from name to metric.
    """

    def __init__(
        self, cases, names, extractor=None, optional=(), unavailable=None
    ):
        self._order = list(dict.fromkeys((*names, *optional)))
        check(self._order)
        lacking = [
            name
            for name in self._order
            if unavailable and metrics.get(name).needs_extractor
        ]
        self._failed = {name: _failed(name, unavailable) for name in lacking}
        chosen = [name for name in self._order if name not in lacking]
        self.cases = cases
        self.asked = {*names}
        self.fakes, self.backs = {}, {}
        self.metrics = {
            direction: metrics.create(chosen, extractor)
            for direction, case in cases.items()
            if case.labels is None
        }
        self._measured = set()

    def __call__(self, named):
        """Translate and measure.

        Args:
            named: dict from name to `Verb` on arrays, see `translators`; `{}`
                for cases with existing fakes.

        Returns:
            dict from direction to the result of `metrics.evaluate`, with
            `reference` added to its protocols: a description of the images.
        """
        return {
            direction: self._direction(direction, case, named)
            for direction, case in self.cases.items()
            if (direction in named or case.fakes) and case.labels is None
        }

    def _direction(self, direction, case, named):
        verb = named.get(direction)
        back = verb and named.get(verb.back)
        groups = {"paired": {}, "unpaired": {}, "cycle": {}}
        results = dict(self._failed)
        for name, metric in self.metrics[direction].items():
            group, lacks = "unpaired", None
            if name == "cycle_error":
                group, lacks = "cycle", None if back else "a way back"
            elif metrics.get(name).paired:
                group = "paired"
                lacks = None if case.is_paired else "the truth of each input"
            if not lacks:
                groups[group][name] = metric
            elif name in self.asked:
                results[name] = _failed(name, f"{name} needs {lacks}")
        try:
            self._translate(direction, case, verb, back)
        except UserError as error:
            names = [name for group in groups.values() for name in group]
            return results | {name: _failed(name, str(error)) for name in names}
        fakes = self.fakes[direction]
        # The reals of unpaired metrics, once seen, are kept.
        is_known = direction in self._measured
        sides = {
            "paired": (case.reals, fakes),
            "unpaired": (None if is_known else case.reals, fakes),
            "cycle": (case.images, self.backs.get(direction)),
        }
        for group, members in groups.items():
            if members:
                real, fake = sides[group]
                real = None if real is None else batches(real)
                results |= metrics.evaluate(members, real, batches(fake))
        if not any(results[name]["error"] for name in groups["unpaired"]):
            self._measured.add(direction)
        for result in results.values():
            if result["protocol"]:
                result["protocol"]["reference"] = case.text
        return {name: results[name] for name in self._order if name in results}

    def _translate(self, direction, case, verb, back):
        self.fakes.pop(direction, None)
        self.backs.pop(direction, None)
        fakes = case.fakes or _translated(verb, case.inputs)
        if back and "cycle_error" in self.metrics[direction]:
            name, _ = back.input(verbs.Images)
            inputs = {name: fakes} | case.back
            self.backs[direction] = _translated(back, inputs)
        self.fakes[direction] = fakes


def add_untouched(evaluator, measured):
    """Add to each KID that of the inputs themselves, where they are images.

    It tells whether the extractor sees what a translation changes: outputs
    that are farther from the real images than their inputs, by more than
    the spread over subsets, either are, or differ in what this extractor
    was not trained on.

    Args:
        evaluator: `Evaluator`.
        measured: its result; `values` of `kid` receive `untouched_input`.
    """
    for direction, results in measured.items():
        case, kid = evaluator.cases[direction], results.get("kid")
        inputs = case.images
        # Of labels the inputs are the real images, of folders the outputs.
        if any(inputs is other for other in (None, case.reals, case.fakes)):
            continue
        if not kid or kid["error"]:
            continue
        metric = {"kid": evaluator.metrics[direction]["kid"]}
        untouched = metrics.evaluate(metric, None, batches(inputs))["kid"]
        if untouched["error"]:
            continue
        kid["values"]["untouched_input"] = untouched["value"]
        spread = max(of["values"]["kid_spread"] for of in (kid, untouched))
        if kid["value"] - untouched["value"] > spread:
            kid["protocol"]["warning"] = (
                "the inputs as they are come nearer to the real images: "
                "believe your eyes, or features of another extractor"
            )


def of_labels(cases, named):
    """Measure the verbs whose outputs are labels.

    Args:
        cases: dict from name to `Case`.
        named: dict from name to `Verb` on arrays, see `translators`.

    Returns:
        dict from name to the result of `classification.measure`.
    """
    return {
        name: classification.measure(
            named[name].output.table,
            case.labels,
            np.stack(_outputs(named[name], case.inputs)),
        )
        for name, case in cases.items()
        if case.labels is not None
    }


def batches(pictures):
    """Yield the images as float32 batches in [-1, 1].

    A broken image raises a ValueError, as its substitute would be measured.
    """
    for first in range(0, len(pictures), BATCH):
        rows = range(first, min(first + BATCH, len(pictures)))
        yield images.to_float(np.stack([pictures.read(i) for i in rows]))


def _translated(verb, inputs):
    first, *_ = inputs.values()
    outputs = _outputs(verb, inputs)
    names = getattr(first, "names", [str(i) for i in range(len(first))])
    return datasets.Pictures(names, outputs.__getitem__, None, "outputs")


def _outputs(verb, inputs):
    """Return the outputs of all rows, a list."""
    first, *_ = inputs.values()
    outputs = []
    for start in range(0, len(first), BATCH):
        rows = range(start, min(start + BATCH, len(first)))
        given = {
            name: np.stack([value.read(i) for i in rows])
            if isinstance(value, datasets.Pictures)
            else value[start : rows.stop]
            for name, value in inputs.items()
        }
        outputs.extend(verb.function(**given))
    return outputs


def _failed(name, reason):
    return {
        "value": None,
        "values": {},
        "direction": metrics.get(name).direction,
        "protocol": None,
        "error": reason,
    }
