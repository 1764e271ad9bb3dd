"""A page about a run: one file, which needs no server and no network.

Whatever a run folder has is shown; where a part is missing or damaged, its
section says so in one line.
"""

import pathlib

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.report import charts, page, parts, pictures

__all__ = ["write"]


def write(folder, path=None):
    """Write a report of a run folder, or of an evaluation's.

    Settings, loss curves, metrics, metrics over the steps, sample grids with
    a slider over the steps, best and worst pictures, statistics of the data,
    and what `health` noted; every metric with its protocol.

    Args:
        folder: path of a run folder (see `keras_gans.runs`), or of a folder
            with just the `metrics.json` of `keras_gans.evaluate`.
        path: where to. Default: `folder/report.html`.

    Returns:
        `pathlib.Path` of the report.

    Raises:
        UserError: if `folder` is no folder, or something else than a report
            has the place of this one.
        OSError: if the report cannot be written.
    """
    folder, path = pathlib.Path(files.expanded(folder)), place(folder, path)
    if not folder.is_dir():
        raise UserError(
            f"folder must be that of a run. Received: {str(folder)!r}"
        )
    title = f"Report of {folder.resolve().name}"
    content = page.document(title, _headline(folder), _sections(folder))
    files.write_text(path, content)
    return path


def place(folder, path=None):
    """Return where `write` puts a report.

    Raises:
        UserError: if something else than an earlier report is there.
    """
    path = pathlib.Path(
        files.expanded(path or pathlib.Path(folder, "report.html"))
    )
    files.check_ours(path, page.START, "report")
    return path


def _sections(folder):
    of_any = {
        "Metrics": _metrics,
        "Best and worst pictures": _examples,
        "Protocol of every metric": _protocol,
        "Data": _data,
    }
    of_run = {
        "Metrics": _metrics,
        "Metrics over the steps": _metrics_by_step,
        "Samples": _samples,
        "Best and worst pictures": _examples,
        "Losses": _losses,
        "Health": _health,
        "Protocol of every metric": _protocol,
        "Data": _data,
        "Settings": _settings,
    }
    is_run = any(
        (folder / name).exists()
        for name in ("arguments.json", "log.csv", "checkpoints", "samples")
    )
    sections = of_run if is_run else of_any
    return [(name, _made(make, folder)) for name, make in sections.items()]


def _made(make, folder):
    try:
        return make(folder)
    except FileNotFoundError as error:
        return page.paragraph(error)
    except (UserError, OSError) as error:
        return page.paragraph(error, "bad")
    # Files of a run may hold anything, and the other parts are worth showing.
    except Exception as error:
        text = f"This part is damaged ({type(error).__name__}: {error})."
        return page.paragraph(text, "bad")


def _headline(folder):
    try:
        settings = parts.read_json(folder, "arguments.json")
        text = f"{settings['model']}, {settings['image_size']} pixels"
        steps, _ = parts.read_table(folder, "log.csv")
        return f"{text}, logged up to step {steps[-1]} of {settings['steps']}"
    except (UserError, KeyError, OSError):
        return "Made by python -m keras_gans.evaluate."


def _settings(folder):
    settings = parts.read_json(folder, "arguments.json")
    return page.table((), settings.items())


def _losses(folder):
    steps, columns = parts.read_table(folder, "log.csv")
    drawn = _charts(steps, columns, ("seconds", "warnings"))
    note = (
        "Means of each term over the steps since the row before; prefix g for "
        "the generators, d for the discriminators. Terms are not weighted, "
        "g_loss and d_loss are the weighted sums."
    )
    return page.paragraph(note) + drawn


def _metrics_by_step(folder):
    steps, columns = parts.read_table(folder, "metrics.csv")
    note = (
        "Measured during training on few held-out pictures: compare points of "
        "one curve, not with figures of other protocols."
    )
    advice = "".join(
        page.paragraph(f"Step {step}: {text}", "bad")
        for step, text in zip(steps, columns.get("advice", ()), strict=False)
        if text
    )
    drawn = _charts(steps, columns, ("seconds", "advice"))
    return page.paragraph(note) + drawn + advice


def _charts(steps, columns, without):
    figures = []
    for name, texts in columns.items():
        if name not in without:
            values = [parts.number(text) for text in texts]
            figures.append(
                page.chart(
                    name,
                    charts.curve(steps, values, f"{name} over the steps"),
                    charts.caption(steps, values),
                )
            )
    return f'<div class="charts">{"".join(figures)}</div>\n'


def _samples(folder):
    kinds, problems = pictures.samples(folder)
    sliders = [page.slider(k, frames) for k, frames in kinds.items() if frames]
    lost = [page.paragraph(text, "bad") for text in problems]
    return "".join([*sliders, *lost, page.paragraph(pictures.RULE)])


def _health(folder):
    events = parts.health_events(folder)
    if not events:
        return page.paragraph("Nothing was noted in log.csv.")
    rows = [
        (sign, f"{seen[0]} to {seen[-1]}, {len(seen)} times", text)
        for sign, text, seen in events
    ]
    return page.table(("sign", "steps", "in words"), rows)


def _metrics(folder):
    content = parts.read_json(folder, "metrics.json")
    html = page.paragraph(f"{content['measured']}.")
    for direction, entry in content["directions"].items():
        rows = [
            (
                row["label"],
                row["text"],
                row.get("better", ""),
            )
            for row in entry["values"].values()
        ]
        html += f"<h3>{page.escape(direction)}</h3>\n"
        html += page.paragraph(entry["pictures"])
        html += page.table(("metric", "value", "better"), rows) if rows else ""
        for reason, names in entry["failed"].items():
            text = f"Not computed: {', '.join(names)}: {reason}"
            html += page.paragraph(text, "bad")
    if content.get("truth_table"):
        html += "<h3>Against the true drawings</h3>\n"
        head, *rows = content["truth_table"]
        html += page.table(head, rows)
    return html


def _protocol(folder):
    texts = []
    if (folder / "metrics_protocol.json").exists():
        protocols = parts.read_json(folder, "metrics_protocol.json")
        texts = [
            f"{name}, in training: {parts.plain(protocol)}"
            for name, protocol in protocols.items()
        ]
    if not texts or (folder / "metrics.json").exists():
        directions = parts.read_json(folder, "metrics.json")["directions"]
        texts += [
            row["protocol"]
            for entry in directions.values()
            for row in entry["values"].values()
        ]
    return "".join(map(page.paragraph, dict.fromkeys(texts)))


def _examples(folder):
    content = parts.read_json(folder, "metrics.json")
    html = ""
    for entry in content["examples"]:
        # A name alone, so that nothing outside the folder is read.
        path = folder / "examples" / pathlib.PurePath(entry["file"]).name
        try:
            uri, width = pictures.png(path)
        except UserError as error:
            html += page.paragraph(error, "bad")
            continue
        caption = f"{entry['title']}: {entry['pictures']}"
        html += page.picture(uri, width, entry["title"], caption)
    return html or page.paragraph("No metric has a value for each picture.")


def _data(folder):
    sides = parts.read_json(folder, "metrics.json")["data"]
    names = dict.fromkeys(name for facts in sides.values() for name in facts)
    rows = [
        (name, *(facts.get(name, "") for facts in sides.values()))
        for name in names
    ]
    return page.table(("", *sides), rows)
