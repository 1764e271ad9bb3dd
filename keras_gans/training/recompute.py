"""Gradient checkpointing: save memory by recomputing activations.

Reference: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost",
arXiv:1604.06174, section 3.
"""

import keras
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.layers.by_domain import ByDomain


def recomputed(network):
    """Return a training pass with gradient checkpointing.

    The network is cut after activations and sums wherever later layers need
    only one tensor: between residual blocks, not inside them. Only the input
    of each part is stored; the backward pass recomputes the rest.

    Args:
        network: functional `keras.Model`, the same in every pass: no dropout,
            no batch normalization.

    Returns:
        Function from the inputs of `network` and `training` to its outputs.

    Raises:
        UserError: if a second pass would give other results.
    """
    for layer in network.layers:
        if isinstance(layer, ByDomain):
            raise UserError(
                "recompute must be False for networks of several domains, as "
                "it would make gradients of the weights of all. "
                f"Received: True, and {network.name} has {layer.name}"
            )
        if isinstance(
            layer, keras.layers.BatchNormalization | keras.layers.Dropout
        ):
            raise UserError(
                "recompute must be False for networks with batch "
                "normalization or dropout, whose second pass is another. "
                f"Received: True, and {network.name} has {layer.name}"
            )
    # Kept out of reach of Keras, which would save the parts, too.
    parts = [tf.recompute_grad(part) for part in _parts(network)]

    def run(inputs, training):
        if not training:
            return network(inputs, training=False)
        x = inputs if isinstance(inputs, list) else [inputs]
        for part in parts:
            x = [part(*x)]
        return x[0]

    return run


def _parts(network):
    """Cut a network into parts; return them as functions of tensors."""
    ends = [*_cuts(network), network.outputs[0]]
    starts = [network.inputs, *([end] for end in ends)]
    for start, end in zip(starts, ends, strict=False):
        part = keras.Model(start, end)
        yield lambda *x, part=part: part([*x], training=True)


def _cuts(network):
    """Return layer outputs that are the only inputs of later layers."""
    # Its own nodes: layers may also stand in other networks.
    functional = getattr(network, "_functional", network)  # of a Sequential
    depths = sorted(functional._nodes_by_depth.items(), reverse=True)
    nodes = [n for _, own in depths for n in own if not n.is_input]
    last_use = {
        id(x): place
        for place, node in enumerate(nodes)
        for x in node.input_tensors
    }
    needed = {id(x) for x in network.inputs}
    cuts = []
    for place, node in enumerate(nodes[:-1]):
        (output,) = node.outputs
        needed = {x for x in needed if last_use[x] > place} | {id(output)}
        is_end = isinstance(
            node.operation, keras.layers.ReLU | keras.layers.Add
        )
        if len(needed) == 1 and is_end:
            cuts.append(output)
    return cuts
