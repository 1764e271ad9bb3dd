"""Names of the weights of VGG in torchvision, and by layer."""

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts

# Convolutions of each group, between which there is pooling.
GROUPS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def convolutions(name):
    """Return the names `conv1_1`, ... of a network, from the first on."""
    return [
        f"conv{group}_{number}"
        for group, count in enumerate(GROUPS[name], 1)
        for number in range(1, count + 1)
    ]


def variables(network):
    """Return the variables of one of our VGG by name, `conv1_1.weight`."""
    return state_dicts.variables(
        {x.name: x for x in network.layers if x.name.startswith("conv")}
    )


def clean(arrays, network):
    """Return the arrays of the layers of a network by the layers' names.

    The classifier and deeper layers are left out. Names may begin with
    anything: `features.0.weight` and `0.weight` are both the first one's.

    Raises:
        UserError: if they are no VGG's, or another's than the network's.
    """
    known = convolutions(network.name)
    # torchvision numbers convolutions, ReLUs and poolings alike.
    numbers = {
        str(2 * place + int(name[4]) - 1): name
        for place, name in enumerate(known)
    }
    found = {}
    for name, array in state_dicts.plain(arrays).items():
        module, _, kind = str(name).rpartition(".")
        if not module.startswith("classifier"):
            place = module.rpartition(".")[2]
            found.setdefault(numbers.get(place, place), {})[kind] = array
    # Of networks of other depths some layers have the same names.
    if set(found) != set(known[: len(found)]):
        raise UserError(
            f"arrays must be the weights of {network.name}, conv1_1 to "
            f"{known[-1]}. Received: {', '.join(list(found)[:20]) or 'none'}"
        )
    ours = {layer.name for layer in network.layers}
    return {
        f"{name}.{kind}": array
        for name, own in found.items()
        for kind, array in own.items()
        if name in ours
    }
