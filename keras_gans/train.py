"""Train a model: `python -m keras_gans.train`.

Without arguments it trains the article's CycleGAN on the embedded faces for
about ten minutes on two cores. The same command in the same run folder
resumes from the last checkpoint.
"""

import argparse
import atexit
import functools
import logging
import pathlib
import shlex
import shutil
import sys
import tempfile

from keras_gans import evaluation, files, flags, runs, streams, verbs
from keras_gans import settings as run_settings
from keras_gans.checks import UserError, shown
from keras_gans.datasets import pipeline
from keras_gans.training import devices

logger = logging.getLogger("keras_gans")


def parse_arguments(argv=None):
    """Parse the flags into a namespace; None where not given."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.train",
        description="Train an image GAN. Without data it runs a "
        "demonstration on the embedded faces: with the article's CycleGAN, "
        "the default, about ten minutes on two cores.",
    )
    flags.add(parser.add_argument_group("data"), flags.DATA)
    model = parser.add_argument_group("model and training")
    flags.add(model, flags.MODEL | flags.TRAINING)
    flags.add(parser.add_argument_group("output"), flags.OUTPUT)
    return flags.parse(parser, argv)


def make_deterministic():
    """Make all operations of this process deterministic."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    print(f"deterministic: {flags.DETERMINISM}")


def choose_precision(folder, is_new, strategy):
    """Return the precision that is faster here, or that of an earlier run."""
    recorded = None if is_new else runs.begun(folder)
    if recorded:
        return recorded["precision"]
    precision, why = devices.fastest_precision(strategy)
    print(f"precision: {precision}, as {why}")
    return precision


def describe(settings, model, data):
    """Print the settings, networks and data of the run."""
    for name, value in settings.items():
        if name == "images":
            continue  # those of `data.sides`
        print(f"{name.replace('_', '-'):>12}  {shown(value)}")
    for network in model.networks:
        print(f"{network.name:>16}  {network.count_params():,} parameters")
    for name, pictures in data.sides.items():
        description = shown(pictures.description)
        print(f"{name.replace('_', '-'):>12}  {description}")
    changed = ", ".join(
        f"{name} {shown(here)}"
        + ("" if published is None else f" ({shown(published)})")
        for name, (here, published) in run_settings.departures(
            settings, data
        ).items()
    )
    if changed:
        print(f"unlike the published recipe: {changed}")


def fit(model, data, settings, folder, measured=None):
    """Train up to `settings["steps"]`; return the signal that stopped it.

    `measured` is the result of `in_training.prepare`.
    """
    from keras_gans import callbacks
    from keras_gans.callbacks import checkpoints, health, statistics
    from keras_gans.evaluation import in_training

    strategy = model.distribute_strategy
    start = checkpoints.restore(model, folder / "checkpoints")
    devices.check_agreement(strategy, "step of the checkpoint", start)
    if start:
        print(f"continuing after step {start}")
    left = settings["steps"] - start
    measuring = (
        [in_training.callback(model, data, settings, folder, *measured)]
        if measured
        else []
    )
    if left <= 0:
        # Of a run that was killed in its last one.
        for callback in [] if devices.is_multi_worker(strategy) else measuring:
            callback.set_model(model)
            callback.on_train_begin()
            callback.on_train_end()
        return None
    if left % settings["steps_per_execution"]:
        raise UserError(
            f"steps_per_execution must divide the {left} steps that are left. "
            f"Received: {settings['steps_per_execution']}"
        )
    if not devices.is_chief(strategy):
        # Reading the means and their like takes all workers, so all of them
        # do what the chief does; only its folder stays.
        folder = pathlib.Path(tempfile.mkdtemp(prefix="keras_gans_worker"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    checkpoint = callbacks.Checkpoints(
        folder / "checkpoints", settings["save_every"], settings["keep"]
    )
    stop = callbacks.StopOnSignal(functools.partial(devices.means, strategy))
    progress = callbacks.ProgressBar(settings["steps"])
    log = callbacks.RunLog(folder, settings["log_every"])
    grids = callbacks.SampleGrid(
        folder / "samples", data.held_out(), settings["save_every"]
    )
    unseen = functools.partial(data.batches, repeat=False)
    unseen = None if data.are_seen else unseen
    try:
        model.fit(
            data.batches(start),
            steps_per_epoch=left,
            shuffle=False,
            verbose=0,
            callbacks=[
                *([progress] if devices.is_chief(strategy) else []),
                statistics.FreshStatistics(
                    data.batches, settings["save_every"], unseen
                ),
                health.Health(log, grids, checkpoint, steps=settings["steps"]),
                grids,
                log,
                *measuring,
                checkpoint,
                stop,
            ],
        )
    finally:
        # An error message must not land in the middle of the bar.
        progress.on_train_end()
        stop.on_train_end()
    return stop.received


def dry_run(model, data):
    """Try a step, save, load, samples and export in a temporary folder.

    Problems that would end a long run show after a minute.
    """
    from keras_gans import callbacks
    from keras_gans.callbacks import checkpoints

    with tempfile.TemporaryDirectory() as folder:
        model.fit(data.batches(), steps_per_epoch=1, shuffle=False, verbose=0)
        print("one step: ok")
        checkpoints.save(model, folder)
        checkpoints.restore(model, folder)
        print("save and load: ok")
        for grid in model.samples(data.held_out()).values():
            callbacks.sample_grid(grid.columns)
        print("samples: ok")
        export_model(model, pathlib.Path(folder) / "export", data)
        print("export: ok")


def export_model(model, folder, data, **about):
    """Write the next SavedModel version; return its path."""
    from keras_gans.serving import exporting

    samples = exporting.samples(data)
    return exporting.export(model, folder, samples, **about)


def train(settings, folder, model, data, measured=None):
    """Train; as the chief, export and measure; return the exit code."""
    strategy = model.distribute_strategy
    devices.means(strategy, 0)  # the chief has prepared the folder
    received = fit(model, data, settings, folder, measured)
    try:
        if devices.is_chief(strategy):
            return finish(settings, folder, model, data, received)
        return 128 + received if received else 0
    finally:
        devices.means(strategy, 0)  # nobody leaves before the others


def finish(settings, folder, model, data, received):
    """Export and measure the trained model; return the exit code."""
    from keras_gans import report
    from keras_gans.evaluation import (
        cases,
        extractors,
        measure,
        results,
        translators,
    )
    from keras_gans.faces import truth
    from keras_gans.metrics import classification

    step = int(model.step.numpy())
    if received:
        print(
            f"stopped after step {step} of {settings['steps']} and saved; "
            "the same command continues"
        )
        return 128 + received
    earlier = runs.result(folder)
    export = pathlib.Path(str(earlier.get("export")))
    is_exported = export.is_dir() and export.resolve().is_relative_to(
        pathlib.Path(settings["export_dir"]).resolve()
    )
    if earlier.get("step") == step and is_exported:
        print(
            f"this run is complete: {step} steps, exported to "
            f"{shown(export)}; "
            + ("" if model.rate_decays else "more --steps continue it, ")
            + "--restart starts over"
        )
        return 0
    metrics, labels, found = {}, {}, {}
    told = [v for v in model.verbs() if isinstance(v.output, verbs.Labels)]
    try:
        metrics = truth.of_verbs(model.verbs(), data, extractors.classifier)
        if told:
            test = cases.data_of_run(settings, data)
            found = test.cases(told, evaluation.COUNT)
        labels = measure.of_labels(found, translators.of_model(model))
    except UserError as error:  # of a run that must not be lost
        logger.warning("the model is not measured: %s", error)
    try:
        path = export_model(
            model,
            settings["export_dir"],
            data,
            settings=settings,
            metrics=metrics | labels,
        )
    except RuntimeError as error:
        print(f"error: {error}; the checkpoints stay", file=sys.stderr)
        return 1
    runs.write(
        folder,
        "result.json",
        {"step": step, "export": str(path), "metrics": metrics | labels},
    )
    page = report.write(folder)
    if metrics:
        print("\nbeside held-out drawn faces, whose truth is known\n")
        print(truth.table(metrics))
    for name, result in labels.items():
        print(f"\n{shown(found[name].text)}\n")
        print("\n".join(results.table(classification.cells(result))))
    print("\nwrote")
    for place, meaning in (
        (folder / "samples", "sample grids by step"),
        (folder / "log.csv", "means of the loss terms"),
        (page, "all of this in one page"),
        (folder / "checkpoints", "states to continue from"),
        (path, "the SavedModel, for uint8 images"),
    ):
        if place.exists():
            print(f"  {shown(place)}  {meaning}")
    sources = run_settings.kind_of(settings).sources
    named = " ".join(f"--{name.replace('_', '-')} DIR" for name in sources)
    run_dir = shlex.quote(shown(folder))
    print(
        f"try next: python -m keras_gans.evaluate --run-dir {run_dir}, "
        f"other images with {named} --run-dir runs/mine, or the same command "
        "with more --steps"
        # Its rate has come to an end.
        + (" and another --run-dir" if model.rate_decays else "")
    )
    return 0


def ending(error, strategy):
    """Return `(exit code, line)` for an exception that ends a run.

    None if the exception is not expected, that is, a bug.
    """
    if isinstance(error, UserError | ImportError):  # an extra is missing
        return 2, str(error)
    if isinstance(error, FloatingPointError):
        return 3, str(error)
    if isinstance(error, OSError):
        reason = str(error)
    elif "No space left on device" in str(error):  # from TensorFlow
        reason = str(error).splitlines()[0]
    elif _is_memory(error):
        reason = (
            "there is not enough memory: give a smaller --batch-size or "
            "--image-size, or --recompute where the model takes it"
        )
    else:
        # The folder of the images may be gone by now, or a worker.
        reason = pipeline.reason(error)
        if reason is None and strategy is not None:
            reason = devices.reason(error, strategy)
    return reason and (1, f"{reason}; earlier checkpoints stay")


def _is_memory(error):
    import tensorflow as tf

    if isinstance(error, tf.errors.OpError):
        # The second is from the threads that read the data.
        is_full = isinstance(error, tf.errors.ResourceExhaustedError)
        return is_full or "MemoryError: " in str(error)
    return isinstance(error, MemoryError)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk, the memory or the data failed; 2: wrong use; 3: NaN
    or infinity, stopped; 129, 130, 143: stopped by SIGHUP, Ctrl-C or SIGTERM,
    and saved.
    """
    settings = vars(parse_arguments(argv))
    logging.basicConfig(format="%(levelname)s: %(message)s")
    restart, is_dry = settings.pop("restart"), settings.pop("dry_run")
    strategy = lock = None
    try:
        settings = run_settings.resolve(settings)
        if settings["deterministic"]:
            make_deterministic()
        strategy = devices.make(settings["strategy"], settings["batch_size"])
        is_chief = devices.is_chief(strategy)
        for name in ("run_dir", "export_dir") if is_chief else ():
            files.check_writable(settings[name], name)
        from keras_gans import report
        from keras_gans.callbacks import checkpoints
        from keras_gans.evaluation import in_training
        from keras_gans.serving import exporting, loading

        if is_chief:
            exporting.check_versions(
                *(settings["export_dir"], "savedmodel", "export_dir")
            )
        folder = pathlib.Path(settings["run_dir"])
        is_new = restart or not checkpoints.steps(folder / "checkpoints")
        is_new |= is_dry  # which loads no checkpoint
        if is_new:
            run_settings.check_files(settings)
        data = run_settings.open_data(settings)
        data.prepare()
        settings = run_settings.settled(settings, data)
        if settings["precision"] == "auto":
            settings["precision"] = choose_precision(
                folder, restart or is_dry, strategy
            )
        with strategy.scope():
            model = run_settings.build_model(settings, is_saved=not is_new)
        describe(settings, model, data)
        measured = in_training.prepare(settings, data, model.verbs())
        folders = [pictures.folder for pictures in data.sides.values()]
        files.check_outside(folder, folders, "run_dir")
        report.place(folder)
        if settings["init_from"] and is_new:
            step = loading.init_from(model, settings["init_from"])
            print(
                f"starting with the weights of "
                f"{shown(settings['init_from'])}, step {step}"
            )
        if is_dry:
            dry_run(model, data)
            print("dry run: everything works; leave out --dry-run to train")
            return 0
        if is_chief:
            lock = runs.prepare(folder, settings, restart, model.rate_decays)
            settings = runs.read(folder, "arguments.json")
        return train(settings, folder, model, data, measured)
    except Exception as error:
        end = ending(error, strategy)
        if end is None:
            raise
        code, line = end
        print(f"error: {line}", file=sys.stderr)
        return code
    finally:
        if lock is not None:
            lock.release()


if __name__ == "__main__":
    sys.exit(main())
