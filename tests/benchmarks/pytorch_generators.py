"""The generators in PyTorch, to time: equal layers, other weights."""

import torch
from torch import nn


def make(name, num_labels):
    """Return the module of a name in `serving.MODELS`, for inference."""
    if name == "article":
        module = article()
    elif name == "pix2pix":
        module = unet(8)
    elif name == "resnet":
        module = resnet(9)
    else:
        module = stargan(num_labels)
    return module.eval()


def resnet(num_residual_blocks):
    return _resnet(3, num_residual_blocks, 3, "reflect", affine=False)


def stargan(num_labels):
    return _resnet(3 + num_labels, 6, 4, "zeros", affine=True)


def unet(num_downsamples):
    return _Level(3, 64, num_downsamples, 3)


def article():
    layers, channels = [], 3
    for width in (64, 128, 256):
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2)]
        channels = width
    for width in (128, 64):
        layers += [nn.ConvTranspose2d(channels, width, 4, 2, 1)]
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        channels = width
    layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*layers)


def _resnet(channels, blocks, kernel, padding, affine):
    """CycleGAN's ResNet, whose strided kernels are 3, or StarGAN's, 4."""

    # StarGAN's norm has an offset, its convolutions then have none.
    def convolution(channels, width, kernel):
        return nn.Conv2d(
            *(channels, width, kernel, 1, kernel // 2),
            bias=not affine,
            padding_mode=padding,
        )

    def normalized(width):
        return nn.InstanceNorm2d(width, affine=affine)

    layers = [convolution(channels, 64, 7), normalized(64), nn.ReLU()]
    for width in (128, 256):
        layers += [
            nn.Conv2d(width // 2, width, kernel, 2, 1, bias=not affine),
            normalized(width),
            nn.ReLU(),
        ]
    layers += [
        _Residual(
            convolution(256, 256, 3),
            normalized(256),
            nn.ReLU(),
            convolution(256, 256, 3),
            normalized(256),
        )
        for _ in range(blocks)
    ]
    for width in (128, 64):
        layers += [
            nn.ConvTranspose2d(
                *(2 * width, width, kernel, 2, 1, 4 - kernel),
                bias=not affine,
            ),
            normalized(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, convolution(64, 3, 7), nn.Tanh())


class _Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class _Level(nn.Sequential):
    """A level of pix2pix's U-Net with all those below it."""

    def __init__(self, channels, width, levels, outputs):
        self.is_outermost = outputs == 3
        is_innermost = levels == 1
        down = [] if self.is_outermost else [nn.LeakyReLU(0.2)]
        down += [nn.Conv2d(channels, width, 4, 2, 1)]
        below = []
        if not is_innermost:
            if not self.is_outermost:
                down += [nn.BatchNorm2d(width)]
            below = [_Level(width, min(2 * width, 512), levels - 1, width)]
        joined = width if is_innermost else 2 * width
        up = [nn.ReLU(), nn.ConvTranspose2d(joined, outputs, 4, 2, 1)]
        up += [nn.Tanh() if self.is_outermost else nn.BatchNorm2d(outputs)]
        super().__init__(*down, *below, *up)

    def forward(self, x):
        y = super().forward(x)
        return y if self.is_outermost else torch.cat([x, y], 1)
