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


def unit(width, blocks):
    """Return UNIT's encoder and decoder of one domain."""

    def convolution(channels, filters, size, stride, *rest):
        padding = (size - 1) // 2
        return [
            nn.Conv2d(
                *(channels, filters, size, stride, padding),
                padding_mode="reflect",
            ),
            *rest,
        ]

    def normalized(channels, filters, size, stride):
        rest = nn.InstanceNorm2d(filters), nn.ReLU()
        return convolution(channels, filters, size, stride, *rest)

    def residuals(channels):
        return [
            _Residual(
                *normalized(channels, channels, 3, 1),
                *convolution(channels, channels, 3, 1),
                nn.InstanceNorm2d(channels),
            )
            for _ in range(blocks)
        ]

    def enlarged(channels):
        # One group is the whole image.
        rest = nn.GroupNorm(1, channels // 2), nn.ReLU()
        convolved = convolution(channels, channels // 2, 5, 1, *rest)
        return [nn.Upsample(scale_factor=2), *convolved]

    encoder = [
        *normalized(3, width, 7, 1),
        *normalized(width, 2 * width, 4, 2),
        *normalized(2 * width, 4 * width, 4, 2),
        *residuals(4 * width),
    ]
    decoder = [
        *residuals(4 * width),
        *enlarged(4 * width),
        *enlarged(2 * width),
        *convolution(width, 3, 7, 1, nn.Tanh()),
    ]
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def combogan(width, blocks):
    """Return ComboGAN's encoder and decoder of one domain."""

    def activated(convolution):
        norm = nn.InstanceNorm2d(convolution.out_channels)
        return [convolution, norm, nn.PReLU()]

    def reflected(channels, filters, size):
        return nn.Conv2d(
            *(channels, filters, size, 1, size // 2), padding_mode="reflect"
        )

    def residuals(count):
        channels = 4 * width
        return [
            _Residual(
                *activated(reflected(channels, channels, 3)),
                reflected(channels, channels, 3),
                nn.InstanceNorm2d(channels),
            )
            for _ in range(count)
        ]

    encoder = activated(reflected(3, width, 7))
    decoder = residuals(blocks - blocks // 2)
    for small in (width, 2 * width):
        encoder += activated(nn.Conv2d(small, 2 * small, 3, 2, 1))
    for large in (4 * width, 2 * width):
        decoder += activated(nn.ConvTranspose2d(large, large // 2, 4, 2, 1))
    return (
        nn.Sequential(*encoder, *residuals(blocks // 2)),
        nn.Sequential(*decoder, reflected(width, 3, 7), nn.Tanh()),
    )


def xgan(width=32, decoder_width=64, numbers=1024, side=4):
    """Return XGAN's encoder and decoder of both domains, for 64 pixels."""

    def halved(channels, filters):
        return [
            nn.Conv2d(channels, filters, 4, 2, 1, bias=False),
            nn.InstanceNorm2d(filters, affine=True),
            nn.LeakyReLU(0.2),
        ]

    def enlarged(channels, filters, *place):
        return [
            nn.ConvTranspose2d(channels, filters, *place, bias=False),
            nn.InstanceNorm2d(filters, affine=True),
            nn.ReLU(),
        ]

    f, d = width, decoder_width
    # What both domains share.
    deep_encoder = [
        *halved(2 * f, 4 * f),
        *halved(4 * f, 8 * f),
        nn.Flatten(),
        nn.Linear(8 * f * side**2, numbers, bias=False),
        nn.LeakyReLU(0.2),
        nn.Linear(numbers, numbers, bias=False),
    ]
    deep_decoder = [
        nn.ReLU(),
        nn.Unflatten(1, (numbers, 1, 1)),
        *enlarged(numbers, 8 * d, side),
        *enlarged(8 * d, 4 * d, 4, 2, 1),
    ]
    return [
        (
            nn.Sequential(*halved(3, f), *halved(f, 2 * f), *deep_encoder),
            nn.Sequential(
                *deep_decoder,
                *enlarged(4 * d, 2 * d, 4, 2, 1),
                *enlarged(2 * d, d, 4, 2, 1),
                nn.ConvTranspose2d(d, 3, 4, 2, 1, bias=False),
                nn.Tanh(),
            ),
        )
        for _ in range(2)
    ]


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
        down += [nn.Conv2d(channels, width, 4, 2, 1, bias=False)]
        below = []
        if not is_innermost:
            if not self.is_outermost:
                down += [nn.BatchNorm2d(width)]
            below = [_Level(width, min(2 * width, 512), levels - 1, width)]
        joined = width if is_innermost else 2 * width
        up = [nn.ReLU()]
        up += [
            nn.ConvTranspose2d(joined, outputs, 4, 2, 1, bias=self.is_outermost)
        ]
        up += [nn.Tanh() if self.is_outermost else nn.BatchNorm2d(outputs)]
        super().__init__(*down, *below, *up)

    def forward(self, x):
        y = super().forward(x)
        return y if self.is_outermost else torch.cat([x, y], 1)
