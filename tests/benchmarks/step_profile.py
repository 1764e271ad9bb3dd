"""Where the time of a training step goes, by command.

    python -m tests.benchmarks.step_profile
    python -m tests.benchmarks.step_profile --rows stargan --precision bfloat16

TensorFlow's own profiler over a few steps of each row of `train_step`: for
each kind of operation its share of the time that threads were at work.
"""

import argparse
import collections
import pathlib
import tempfile

from tests.benchmarks.train_step import ROWS, make_batch


def record(row, precision, steps, folder):
    """Profile `steps` steps, after two that warm up."""
    import keras
    import tensorflow as tf

    from keras_gans import registry

    policy = "" if precision == "float32" else "mixed_"
    keras.config.set_dtype_policy(policy + precision)
    name, arguments, size, _ = ROWS[row]
    model = registry.get(name)(image_size=size, **arguments)
    model.compile()
    dataset = tf.data.Dataset.from_tensors(make_batch(row)).repeat()
    options = {"verbose": 0, "shuffle": False}
    model.fit(dataset, steps_per_epoch=2, **options)
    tf.profiler.experimental.start(folder)
    model.fit(dataset, steps_per_epoch=steps, **options)
    tf.profiler.experimental.stop()


def shares(folder):
    """Return a dict from kind of operation to its part of the time."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    times = collections.Counter()
    for plane in space.planes:
        names = plane.event_metadata
        for line in plane.lines:
            for event in line.events:
                # An operation is "name:Kind".
                name = names[event.metadata_id].name
                _, colon, kind = name.rpartition(":")
                if "::" not in name and colon and not _is_outer(kind):
                    times[kind.removeprefix("_Mkl").removeprefix("Native")] += (
                        event.duration_ps
                    )
    total = sum(times.values())
    return {kind: time / total for kind, time in times.most_common()}


def _is_outer(kind):
    """Tell whether a kind only calls others, which are counted."""
    return (
        "Call" in kind
        or "__" in kind
        or kind in ("While", "If", "StatelessIf", "Scan")
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="+", default=list(ROWS))
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--most", type=int, default=8, help="kinds to show")
    arguments = parser.parse_args()
    for row in ROWS:
        if not any(map(row.startswith, arguments.rows)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            record(row, arguments.precision, arguments.steps, folder)
            found = shares(folder)
        kinds = list(found)[: arguments.most]
        text = ", ".join(f"{kind} {100 * found[kind]:.0f} %" for kind in kinds)
        print(f"{row}, {arguments.precision}: {text}", flush=True)


if __name__ == "__main__":
    main()
