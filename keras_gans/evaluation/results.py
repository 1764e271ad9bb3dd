"""Format results as plain values for `metrics.json` and as text."""

import math

from keras_gans import metrics
from keras_gans.evaluation import examples
from keras_gans.faces import truth
from keras_gans.metrics import classification


def content(subject, evaluator, measured, shown=(), labels=None):
    """Return the content of `metrics.json`; write the example images.

    Args:
        subject: has `what`, str, a description; `step`, int or None; and
            `folder`, `pathlib.Path`, which receives `examples/`.
        evaluator: `Evaluator`.
        measured: its result.
        shown: further examples, as of `examples.write`.
        labels: dict, the result of `measure.of_labels`.

    Returns:
        dict of plain values: `measured`, `step`; `directions`, by name with
        `pictures`, `values` (by metric `label`, `text`, `better`, `value`,
        `values`, `protocol` as text and `details` as a dict) and `failed`,
        lists of metrics by reason; `examples`. A direction whose outputs are
        labels also has `labels`, its result, `table`, rows of text, and
        `protocol`.
    """
    directions = {}
    for direction, results in measured.items():
        entry = {
            "pictures": evaluator.cases[direction].text,
            "values": {},
            "failed": {},
        }
        for name, result in results.items():
            if result["error"]:
                entry["failed"].setdefault(result["error"], []).append(name)
            else:
                entry["values"][name] = _value(result)
        directions[direction] = entry
    for name, result in (labels or {}).items():
        directions[name] = {
            "pictures": evaluator.cases[name].text,
            "values": {},
            "failed": {},
            "labels": result,
            "table": classification.cells(result),
            "protocol": classification.PROTOCOL,
        }
    return {
        "measured": subject.what,
        "step": subject.step,
        "directions": directions,
        "examples": [*examples.write(evaluator, subject.folder), *shown],
    }


def _value(result):
    # Which images these are stands once for all metrics of a direction.
    details = result["protocol"]
    brief = {n: v for n, v in details.items() if n != "reference"}
    return {
        "label": details["title"],
        "text": _text(result["values"]),
        "better": metrics.BETTER[result["direction"]],
        "value": result["value"],
        "values": result["values"],
        "protocol": metrics.describe(brief),
        "details": details,
    }


def _text(values):
    (_, first), *others = values.items()
    shown = _number(first)
    if others:
        others = ", ".join(f"{name} {_number(v)}" for name, v in others)
        shown += f" ({others})"
    return shown


def _number(value):
    if value is None or not math.isfinite(value):
        return str(value)
    return f"{value:.4g}"


def lines(content):
    """Return the values as lines of Markdown, and their protocols below."""
    rows, protocols, pictures, failed = [], {}, [], []
    tables = []
    for direction, entry in content["directions"].items():
        pictures.append(f"{direction}: {entry['pictures']}")
        if "table" in entry:
            tables += [*table(entry["table"]), ""]
            protocols[entry["protocol"]] = None
        for row in entry["values"].values():
            cells = direction, row["label"], row["text"], row["better"]
            rows.append(f"| {' | '.join(cells)} |")
            protocols[row["protocol"]] = None
        failed += [
            f"not computed: {direction} {', '.join(names)}: {reason}"
            for reason, names in entry["failed"].items()
        ]
    if rows:
        head = "| verb | metric | value | better |"
        rows = [head, "| --- |" + " --- |" * 3, *rows, ""]
    return [*rows, *tables, *pictures, *protocols, *failed]


def table(rows):
    """Return rows of text, heads first, as lines of Markdown."""
    heads, *rows = rows
    rows = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(row)} |" for row in rows]


def truth_rows(results):
    """Return the table against the truth as a list of rows of cells."""
    rows = truth.table(results).split("\n") if results else []
    return [
        [cell.strip() for cell in row.strip("| ").split("|")]
        for row in rows[:1] + rows[2:]
    ]
