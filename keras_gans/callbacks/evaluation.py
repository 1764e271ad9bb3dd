"""Measure held-out images during training; keep the best checkpoint."""

import logging
import math
import pathlib
import time

from tqdm.auto import tqdm

from keras_gans import files
from keras_gans.callbacks import checkpoints
from keras_gans.callbacks.steps import StepCallback
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")

MOST_COST = 0.05


class Evaluation(StepCallback):
    """Measures every `every` steps and keeps the best state of the run.

    Each evaluation adds a row to `metrics.csv`: the step, its seconds, all
    values by direction and metric, and advice in words; rows past a restored
    step are dropped. `metrics_protocol.json` describes how they were
    measured. `checkpoints/best.keras` is the state with the best value of one
    metric, averaged over the directions; `checkpoints/best.json` has its
    step. The end of a run is always measured, unless it was interrupted.

    Evaluation changes no weights, random states or running means: a run ends
    with the same bits with and without it. In the list of callbacks it comes
    after those that refresh statistics or write logs, and before
    `Checkpoints`.

        evaluate, best = in_training.prepare(settings, data, model.verbs())
        callbacks.Evaluation(500, evaluate, "runs/mine", best)

    Args:
        every: int, steps between two evaluations.
        evaluate: function from the model to a dict from direction to the
            result of `metrics.evaluate`. It must change neither the model
            nor any random state.
        folder: the run folder.
        best: str, the metric that selects the best state.
        patience: int, evaluations without improvement before each advice.
        most_cost: float, or None. Evaluations are skipped, except at the
            end, while measuring would take more than this share of the time
            since training began; None: never, but above 0.05 there is a
            warning.
        decide: function from a decision, a bool, to that of all workers:
            the chief's, since saving involves all of them. Default: this is
            the only process.
    """

    def __init__(
        self,
        every,
        evaluate,
        folder,
        best="kid",
        patience=5,
        most_cost=MOST_COST,
        decide=bool,
    ):
        super().__init__()
        self.every = every
        self.evaluate = evaluate
        self.folder = pathlib.Path(files.expanded(folder))
        self.best = best
        self.patience = patience
        self.most_cost = most_cost
        self.decide = decide

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._log = self.folder / "metrics.csv"
        self.rows = files.rows_until(self._log, self.current_step)
        self._best = self._read_best()
        self._started = time.monotonic()
        self._spent = self._last = 0.0
        self._count = 0
        self._said = set()

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            elapsed = time.monotonic() - self._started
            wanted = self._spent + self._last
            share = math.inf if self.most_cost is None else self.most_cost
            if self.decide(wanted <= share * elapsed):
                self._measure()

    def on_train_end(self, logs=None):
        # An interrupted run resumes later, and must save quickly now.
        measured = int(self.rows[-1]["step"]) if self.rows else 0
        if measured < self.current_step and not self.model.stop_training:
            self._measure()
        if self._count:
            print(
                f"evaluation: {self._count} times, {self._spent:.1f} s, "
                f"{self._cost():.1%} of the run"
            )

    def _cost(self):
        return self._spent / max(time.monotonic() - self._started, 1e-9)

    def _measure(self):
        start = time.monotonic()
        with self.model.averaged():
            results = self.evaluate(self.model)
        value = self._value(results)
        said = f"step {self.current_step}: {self._judged(value, results)}"
        advice = self._advice(value)
        self._last = time.monotonic() - start
        self._spent += self._last
        self._count += 1
        self.rows.append(
            {
                "step": self.current_step,
                "seconds": round(self._last, 1),
                **{
                    f"{direction} {name}": number
                    for direction, metrics in results.items()
                    for metric in metrics.values()
                    for name, number in (metric["values"] or {}).items()
                },
                "advice": advice,
            }
        )
        files.write_rows(self._log, self.rows)
        protocols = {
            f"{direction} {name}": metric["protocol"]
            for direction, metrics in results.items()
            for name, metric in metrics.items()
            if metric["protocol"]
        }
        files.write_json(self.folder / "metrics_protocol.json", protocols)
        tqdm.write(
            f"{said}; measured in {self._last:.1f} s, {self._cost():.1%} of "
            "the run so far"
        )
        if advice:
            logger.warning("step %d: %s", self.current_step, advice)
        self._warn(results)

    def _value(self, results):
        """Return the value to compare, or None if it was not computed."""
        values = [
            metrics[self.best]["value"]
            for metrics in results.values()
            if self.best in metrics
        ]
        if not values or None in values:
            return None
        mean = math.fsum(values) / len(values)
        return mean if math.isfinite(mean) else None

    def _judged(self, value, results):
        """Save the state and log it if it is the best so far."""
        best, is_better = self._best, value is not None
        if is_better and best is not None:
            is_more = value > best["value"]
            is_better = value != best["value"] and is_more == (
                self._direction(results) == "max"
            )
        if self.decide(is_better):
            checkpoints.write(self.model, self._path(".keras"))
            self._best = {
                "metric": self.best,
                "value": value,
                "step": self.current_step,
            }
            files.write_json(self._path(".json"), self._best)
        if value is None:
            return f"no value of {self.best}"
        text = f"{self.best} {value:.4g}"
        if is_better:
            return f"{text}, the best so far"
        return f"{text} (best {best['value']:.4g} at step {best['step']})"

    def _direction(self, results):
        return next(
            metrics[self.best]["direction"]
            for metrics in results.values()
            if self.best in metrics
        )

    def _advice(self, value):
        if value is None or self._best is None:
            return ""
        since = self._best["step"]
        waited = 1 + sum(int(row["step"]) > since for row in self.rows)
        if since >= self.current_step or waited % self.patience:
            return ""
        return (
            f"{self.best} has not improved since step {since} "
            f"({self._best['value']:.4g}, now {value:.4g}), for {waited} "
            "evaluations: look at the samples since then; if they look no "
            f"better either, stop and use {self._path('.keras')}, or go on "
            "with a lower learning rate in a new run"
        )

    def _warn(self, results):
        """Warn once per metric without a value, and of the cost."""
        for direction, metrics in results.items():
            for name, result in metrics.items():
                if result["error"] and (direction, name) not in self._said:
                    self._said.add((direction, name))
                    logger.warning("%s: %s", direction, result["error"])
        if self.most_cost is None and self._cost() > MOST_COST:
            if "cost" not in self._said:
                self._said.add("cost")
                often = self._cost() / MOST_COST * self.every
                logger.warning(
                    "evaluation takes %.0f %% of the run; every %d steps it "
                    "would be %.0f %%",
                    self._cost() * 100,
                    math.ceil(often / self.every) * self.every,
                    MOST_COST * 100,
                )

    def _path(self, extension):
        return self.folder / "checkpoints" / f"best{extension}"

    def _read_best(self):
        """Return the record of the best state so far by this metric."""
        # Without it, or if it was damaged, the next state is the best.
        try:
            best = files.read_json(self._path(".json"))
            if best is None or not self._path(".keras").exists():
                return None
            metric, step = best["metric"], int(best["step"])
            value = float(best["value"])
        except UserError as error:
            logger.warning("%s; the next state is the best so far", error)
            return None
        except (KeyError, TypeError, ValueError, OverflowError):
            logger.warning(
                "%s is damaged; the next state is the best so far",
                self._path(".json"),
            )
            return None
        if metric != self.best or not math.isfinite(value):
            return None
        return {"metric": metric, "value": value, "step": step}
