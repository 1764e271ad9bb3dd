"""Write `tests/conformance/metrics.npz` by scikit-image and torch-fidelity.

    pip install --no-deps --target LIB scikit-image torch-fidelity \
        lazy-loader imageio scipy tifffile
    PYTHONPATH=LIB:. python -m tests.metrics.make_reference

PyTorch is needed, torchvision is not. Run once with scikit-image 0.26.0 and
torch-fidelity 0.4.0; the tests read the file.
"""

import json
import sys
import zlib
from unittest import mock

import numpy as np

from tests.conftest import CONFORMANCE

KID = {"kid_subsets": 10, "kid_subset_size": 25, "rng_seed": 2020}


def pictures():
    """Return uint8 `[2, 4, 48, 40, 3]`, blocks and what noise makes of them."""
    rng = np.random.default_rng(1)
    real = rng.integers(0, 256, (4, 6, 5, 3)).repeat(8, 1).repeat(8, 2)
    spread = np.array([2, 10, 40, 120]).reshape(4, 1, 1, 1)
    fake = real + rng.normal(0, spread, real.shape)
    return np.stack([real, fake.clip(0, 255).round()]).astype(np.uint8)


def features():
    """Return by name a pair of float32 `[count, dimensions]`."""
    rng = np.random.default_rng(2)

    def some(count, size, shift):
        mixing = rng.normal(size=(size, size)) / size**0.5
        mixed = rng.normal(size=(count, size)) @ mixing
        return np.maximum(mixed + shift, 0).astype(np.float32)

    return {
        "plenty": (some(60, 16, 1.0), some(50, 16, 1.3)),
        "fewer_than_dimensions": (some(30, 40, 0.5), some(26, 40, 0.8)),
    }


def inception_weights(shapes):
    """Return made-up weights for names and shapes of a state dict."""
    arrays = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        array = rng.standard_normal(shape, np.float32)
        if len(shape) > 1:
            array *= np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith("running_var"):
            array = 1.0 + 0.1 * np.abs(array)
        else:
            array = 0.1 * array + ("bn.weight" in name)
        arrays[name] = array.astype(np.float32)
    return arrays


def inception_pictures():
    """Return uint8 `[2, 139, 139, 3]`; the last maps are then 3 x 3."""
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    return blocks.repeat(7, 1).repeat(7, 2)[:, :139, :139]


def main():
    for name in ("", ".datasets", ".transforms", ".transforms.functional"):
        sys.modules[f"torchvision{name}"] = mock.MagicMock()
    import skimage.metrics
    import torch
    import torch_fidelity
    from torch_fidelity import feature_extractor_inceptionv3 as inception
    from torch_fidelity import metric_fid, metric_kid, metric_prc

    arrays = {"pictures": pictures(), "ssim": [], "psnr": []}
    for real, fake in zip(*arrays["pictures"], strict=True):
        ssim = skimage.metrics.structural_similarity(
            real,
            fake,
            data_range=255,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        arrays["ssim"].append(ssim)
        arrays["psnr"].append(
            skimage.metrics.peak_signal_noise_ratio(real, fake, data_range=255)
        )
    for name, pair in features().items():
        real, fake = (torch.tensor(f, dtype=torch.float64) for f in pair)
        gaussians = [
            metric_fid.fid_features_to_statistics(f) for f in (real, fake)
        ]
        fid = metric_fid.fid_statistics_to_metric(*gaussians, False)
        kid = metric_kid.kid_features_to_metric(
            real, fake, verbose=False, **KID
        )
        # There the first features are the generated ones.
        prc = metric_prc.prc_features_to_metric(fake, real, verbose=False)
        results = fid | kid | prc
        results |= {"real": pair[0], "fake": pair[1]}
        arrays |= {f"{name}/{key}": value for key, value in results.items()}
    with (
        mock.patch.object(inception, "load_state_dict_from_url"),
        mock.patch.object(torch.nn.Module, "load_state_dict"),
    ):
        network = inception.FeatureExtractorInceptionV3(
            "made up", ["2048", "logits"]
        )
    shapes = {
        name: tuple(array.shape)
        for name, array in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    weights = {
        name: torch.tensor(array)
        for name, array in inception_weights(shapes).items()
    }
    network.load_state_dict(weights, strict=False)
    inception.interpolate_bilinear_2d_like_tensorflow1x = lambda x, **_: x
    pixels = inception_pictures()
    seen, logits = network(torch.tensor(pixels).permute(0, 3, 1, 2))
    arrays |= {
        "inception/pictures": pixels,
        "inception/features": seen,
        "inception/logits": logits,
    }
    versions = {m.__name__: m.__version__ for m in (torch, torch_fidelity)}
    versions["skimage"] = skimage.__version__
    meta = {"versions": versions, "inception_shapes": shapes}
    np.savez_compressed(
        CONFORMANCE / "metrics.npz", meta_json=json.dumps(meta), **arrays
    )


if __name__ == "__main__":
    main()
