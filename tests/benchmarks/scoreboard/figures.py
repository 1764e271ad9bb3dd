"""The figures of a finished run, read from its folder."""

from keras_gans import files, runs
from keras_gans.checks import UserError

_BESIDE = {"untouched": "untouched input", "mean": "mean drawing"}


def places(folder):
    """Return where `keras_gans.evaluate` writes, by the weights it takes."""
    return {"trained": folder / "trained", "average": folder}


def read(folder):
    """Read what a run was, took and reached.

    Args:
        folder: `pathlib.Path` of a run with `result.json`; `metrics.json` of
            both weights and `memory.json` are read where they are.

    Raises:
        UserError: if one of its files is missing or damaged.

    Returns:
        dict: `steps`; `seconds` of training; `rate`, steps a second, without
        those before the first row of the log; `memory`, bytes, or None;
        `weights`, from `"trained"` and `"average"`, as far as measured, to a
        dict from direction to a dict of `l1`, `ssim`, `kid`, `spread` and
        `accuracy`, each a number or None, and `beside`, the same of what it
        is to be compared with; `protocols`, list of lines.
    """
    settings = runs.read(folder, "arguments.json")
    result = runs.result(folder)
    rows, _ = files.read_rows(folder / "log.csv")
    if not rows or "metrics" not in result:
        raise UserError(
            f"{folder} must have a whole result.json and log.csv; delete it "
            "to train it again"
        )
    first, last = (
        (int(row["step"]), float(row["seconds"])) for row in (rows[0], rows[-1])
    )
    seconds = last[1] - first[1]
    # Which the run measured itself, with the average.
    weights, protocols = {"average": _truth(result["metrics"])}, {}
    for name, place in places(folder).items():
        measured = runs.read(place, "metrics.json")
        if measured:
            weights[name] = _measured(measured, settings, protocols)
    memory = runs.read(folder, "memory.json")
    return {
        "steps": result["step"],
        "seconds": last[1],
        "rate": (last[0] - first[0]) / seconds if seconds else None,
        "memory": memory and memory["bytes"],
        "weights": {
            name: weights[name] or {"": {"beside": {}}}
            for name in places(folder)
            if name in weights
        },
        "protocols": [*protocols],
    }


def _measured(measured, settings, protocols):
    """Return the figures of `metrics.json`; add their protocols."""
    directions = _truth(measured["truth"])
    for verb, entry in measured["directions"].items():
        row = directions.get(verb) or directions.get(_name(verb, settings))
        if not measured["truth"]:  # as of images that are not drawn
            row = directions.setdefault(verb, {"beside": {}})
        if "labels" in entry:
            row |= _of_classes(entry["labels"])
        kid = entry["values"].get("kid")
        # pix2pix has one direction, its data have two.
        if kid and row:
            row["kid"] = kid["values"]["kid"]
            row["spread"] = kid["values"]["kid_spread"]
            protocols[kid["protocol"]] = None
    return directions


def _name(verb, settings):
    """Return what `_truth` calls a direction."""
    if "data" in settings:
        return "labels"
    styles = [
        settings[f"data_{side}"].removeprefix("faces:").partition("@")[0]
        for side in (verb[0], verb[-1])
    ]
    return " to ".join(styles)


def _truth(metrics):
    """Return what was measured against true drawings, by direction."""
    if any("real" in rows for rows in metrics.values()):
        return {"labels": _of_labels(list(metrics.values()))}
    return {
        direction: _of_samples(rows)
        if "shares" in rows
        else _of_classes(rows)
        if "labels" in rows
        else {
            **rows["translation"],
            "beside": {short: rows[name] for short, name in _BESIDE.items()},
        }
        for direction, rows in metrics.items()
    }


def _of_classes(found):
    """Return the mean accuracy over the labels that a classifier tells."""
    right = [row["accuracy"] for row in found["labels"].values()]
    return {"accuracy": sum(right) / len(right), "beside": {}}


def _of_samples(found):
    """Return the means over the labels that were asked for, if any."""
    asked = found.get("asked", {}).values()
    if not asked:
        return {"beside": {}}
    seen, real = (
        sum(row[key] for row in asked) / len(asked)
        for key in ("samples", "real images")
    )
    return {"accuracy": seen, "beside": {"true": {"accuracy": real}}}


def _of_labels(rows):
    """Return the means over the labels."""

    def mean(picture, key):
        return sum(row[picture][key] for row in rows) / len(rows)

    return {
        "l1": mean("translation", "l1"),
        "accuracy": mean("translation", "accuracy"),
        "beside": {
            "untouched": {"l1": mean("untouched input", "l1")},
            "true": {"accuracy": mean("true drawing", "accuracy")},
        },
    }
