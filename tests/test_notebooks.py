"""The notebooks run from top to bottom, at a tiny setting."""

import ast
import pathlib
import re

import nbclient
import nbformat
import pytest

NOTEBOOKS = pathlib.Path(__file__).parent.parent / "notebooks"
# What a test sets in the cell of settings of each notebook.
TINY = {
    "01_article_cyclegan.ipynb": {
        "STEPS": 2,
        "BATCH_SIZE": 2,
    },
    "02_resnet_cyclegan.ipynb": {
        "STEPS": 2,
        "IMAGE_SIZE": 32,
        "BASE_FILTERS": 2,
    },
    "03_stargan.ipynb": {
        "STEPS": 2,
        "BATCH_SIZE": 2,
        "BASE_FILTERS": 2,
        "COUNT": 20,
        "CLASSIFIER_COUNT": 64,
    },
    "04_noise_to_image.ipynb": {
        "STEPS": 2,
        "BATCH_SIZE": 4,
        "BASE_FILTERS": 2,
        "COUNT": 20,
        "CLASSIFIER_COUNT": 64,
    },
    # Of gray images all labels are the same, so these are not quite so few.
    "05_latent_axes.ipynb": {
        "STEPS": 100,
        "ATTRIBUTE_STEPS": 60,
        "BATCH_SIZE": 8,
        "BASE_FILTERS": 4,
        "SAMPLES": 1000,
        "SEARCH_STEPS": 2,
        "COUNT": 4,
    },
    "06_shared_latent.ipynb": {
        "STEPS": 2,
        "ABLATION_STEPS": 2,
        "BATCH_SIZE": 4,
        "BASE_FILTERS": 2,
        "COUNT": 4,
    },
    "07_contextual_gan.ipynb": {
        "STEPS": 2,
        "PIX2PIX_STEPS": 1,
        "TUNING_STEPS": 1,
        "SEARCH_STEPS": 5,
        "BATCH_SIZE": 4,
        "BASE_FILTERS": 2,
        "COUNT": 3,
    },
    "08_style_transfer.ipynb": {
        "SIZE": 64,
        "STEPS": 2,
        "FINE_STEPS": 2,
        "BASE_FILTERS": 2,
    },
}
MEASURED = {
    "03_stargan.ipynb": "| Male |",
    "04_noise_to_image.ipynb": "| generate | Male |",
    "05_latent_axes.ipynb": "| axis | R^2 |",
    "07_contextual_gan.ipynb": "| sketch to photo | translation |",
    "08_style_transfer.ipynb": "| L-BFGS |",
}
# What a notebook leaves, where it is no checkpoint of all steps.
WRITTEN = {"08_style_transfer.ipynb": "styled.png"}


NAMES = sorted(p.name for p in NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture
def notebook(request):
    notebook = nbformat.read(NOTEBOOKS / request.param, as_version=4)
    return request.param, notebook


@pytest.mark.parametrize("notebook", NAMES, indirect=True)
def test_outputs_are_stripped_and_no_class_is_defined(notebook):
    for cell in notebook[1].cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None
            nodes = ast.walk(ast.parse(cell.source))
            assert not any(isinstance(node, ast.ClassDef) for node in nodes)


@pytest.mark.parametrize(
    "notebook",
    [NAMES[0], *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES[1:])],
    indirect=True,
)
def test_runs_from_top_to_bottom(notebook, tmp_path):
    name, content = notebook
    cell = next(c for c in content.cells if "\nRUN_DIR = " in c.source)
    settings = {**TINY[name], "RUN_DIR": str(tmp_path / "run")}
    for key, value in settings.items():
        cell.source, count = re.subn(
            rf"^{key} = .*$", f"{key} = {value!r}", cell.source, flags=re.M
        )
        assert count == 1, key
    nbclient.NotebookClient(
        content,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    last = f"checkpoints/{settings['STEPS']:06d}.keras"
    assert (tmp_path / "run" / WRITTEN.get(name, last)).exists()
    printed = "".join(
        output.get("text", "")
        for cell in content.cells
        for output in cell.get("outputs", [])
    )
    row = MEASURED.get(name, "| photo to anime | translation |")
    assert row in printed
