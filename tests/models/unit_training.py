"""What tests of UNIT share: its authors' training loops, step by step."""

import contextlib

import numpy as np
import tensorflow as tf

from tests.networks.pytorch_reference import nchw, to_reference, tolerances

PLAYERS = ("discriminator", "grad_d"), ("generator", "grad_g")


def close(fixture, group, name, actual):
    tolerance = tolerances(fixture)[group]
    fixture.assert_close(f"{group}/{name}", actual, **tolerance)


def compare_terms(losses, terms, names):
    """Compare our terms with the sums of those of the code, by `names`."""
    for term, theirs in names.items():
        expected = sum(losses[name] for name in theirs)
        np.testing.assert_allclose(
            terms[term], expected, rtol=1e-4, atol=1e-5, err_msg=term
        )


def compare_gradients(model, fixture, named, reals, totals):
    """Compare objectives and their gradients; return the last terms.

    Args:
        model: a `SharedLatent`, without noise.
        fixture: the conformance file.
        named: dict, the code's name -> variable.
        reals: images of a and b.
        totals: the code's names of the objectives of both players.
    """
    none = None, None
    for (player, group), total in zip(PLAYERS, totals, strict=True):
        find = getattr(model, f"_{player}_terms")
        noise = [none] * (2 if player == "generator" else 1)
        own = model.variables_of(player)
        with tf.GradientTape() as tape:
            terms, _ = find(*reals, *noise, training=True)
            objective = model.weighted_sum(terms)
        close(fixture, "loss", total, objective)
        gradients = tape.gradient(objective, own)
        gradients = dict(zip(map(id, own), gradients, strict=True))
        assert len(fixture.group(group)) == len(own)
        for name in fixture.group(group):
            gradient = to_reference(gradients[id(named[name])])
            close(fixture, group, name, gradient)
    return terms


def compare_steps(model, fixture, named, reals, names, totals, first=None):
    """Compare the losses and weights of three steps, and what comes of them.

    Args:
        names: argument of `compare_terms`.
        first: context of the first step.
        The others are as of `compare_gradients`.
    """
    batch = dict(zip(("images_a", "images_b"), reals, strict=True))
    unmoved = {*fixture.meta["zero_gradient_weights"]}
    for step in range(3):
        with first if first and step == 0 else contextlib.nullcontext():
            logs = model.train_on_batch(batch, return_dict=True)
        model.reset_metrics()
        losses = {k: v[step] for k, v in fixture.group("step_loss").items()}
        compare_terms(losses, {n: logs[f"g_{n}"] for n in names}, names)
        for log, total in zip(("d_loss", "g_loss"), totals, strict=True):
            np.testing.assert_allclose(logs[log], losses[total], 1e-4)
        if step == 1:
            continue
        group = f"adam{step + 1}"
        assert len(fixture.group(group)) == len(named)
        for name, variable in named.items():
            if name not in unmoved:
                close(fixture, group, name, to_reference(variable.numpy()))
    for name, to, images in zip(("x_ab", "x_ba"), "ba", reals, strict=True):
        translated = nchw(model.translate(images, to=to))
        close(fixture, "adam3_out", name, translated)
