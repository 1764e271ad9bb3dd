"""Training steps in PyTorch, as the originals take them, to time.

Layers and orders of updates are those of our models. Left out is what takes
no time: pools, schedules, logs.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from tests.benchmarks import pytorch_generators as generators


def make(row, batch):
    """Return a function that takes one training step, and its optimizers.

    Args:
        row: a name in `train_step.ROWS`.
        batch: dict of tensors: `images_a` and `images_b`, `images` and
            `labels`, or `images`.
    """
    return {
        "article": _article,
        "resnet": _resnet,
        "pix2pix": _pix2pix,
        "stargan": _stargan,
        "dcgan": _dcgan,
        "progressive": _progressive,
        "unit": _unit,
        "combogan": _combogan,
        "xgan": _xgan,
        "contextual": _contextual,
    }[row.split(",")[0]](batch)


def _article(batch):
    return _cyclegan(
        generators.article, _article_discriminator, _sigmoid, 0, batch
    )


def _resnet(batch):
    return _cyclegan(
        lambda: generators.resnet(6),
        lambda: _patches(3, nn.InstanceNorm2d),
        _least_squares,
        5,
        batch,
    )


def _article_discriminator():
    layers, channels = [], 3
    for width in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4))


def _patches(channels, norm):
    layers = [nn.Conv2d(channels, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    for width, stride in ((128, 2), (256, 2), (512, 1)):
        bias = norm is nn.InstanceNorm2d
        layers += [nn.Conv2d(width // 2, width, 4, stride, 1, bias=bias)]
        layers += [norm(width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))


def _least_squares(logits, real):
    return (logits - (1.0 if real else 0.0)).square().mean()


def _sigmoid(logits, real):
    target = torch.full_like(logits, 1.0 if real else 0.0)
    return F.binary_cross_entropy_with_logits(logits, target)


def _adam(*networks, rate=2e-4, betas=(0.5, 0.999), l2=0.0):
    # Each once, of what networks share.
    parameters = dict.fromkeys(p for n in networks for p in n.parameters())
    return torch.optim.Adam(
        list(parameters), rate, betas, weight_decay=l2, fused=True
    )


def _freeze(networks, frozen):
    for network in networks:
        network.requires_grad_(not frozen)


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _penalty(critic, real, fake):
    mixing = torch.rand(len(real), 1, 1, 1)
    mixed = (mixing * real + (1 - mixing) * fake).requires_grad_()
    # What is compiled has no second derivatives.
    with torch.compiler.set_stance("force_eager"):
        scores = critic(mixed)
    (gradient,) = torch.autograd.grad(
        scores, mixed, torch.ones_like(scores), create_graph=True
    )
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def _cyclegan(make_generator, make_discriminator, criterion, identity, batch):
    g_ab, g_ba = make_generator(), make_generator()
    d_a, d_b = make_discriminator(), make_discriminator()
    g_optimizer, d_optimizer = _adam(g_ab, g_ba), _adam(d_a, d_b)
    real_a, real_b = batch["images_a"], batch["images_b"]

    def step():
        _freeze((d_a, d_b), True)
        fake_b, fake_a = g_ab(real_a), g_ba(real_b)
        cycle = F.l1_loss(g_ba(fake_b), real_a)
        cycle = cycle + F.l1_loss(g_ab(fake_a), real_b)
        loss = 10 * cycle
        loss = (
            loss + criterion(d_a(fake_a), True) + criterion(d_b(fake_b), True)
        )
        if identity:
            same = F.l1_loss(g_ba(real_a), real_a)
            loss = loss + identity * (same + F.l1_loss(g_ab(real_b), real_b))
        _descend(g_optimizer, loss)
        _freeze((d_a, d_b), False)
        loss = sum(
            criterion(d(real), True) + criterion(d(fake.detach()), False)
            for d, real, fake in ((d_a, real_a, fake_a), (d_b, real_b, fake_b))
        )
        _descend(d_optimizer, loss / 2)

    return step, (g_optimizer, d_optimizer)


def _pix2pix(batch):
    real_a, real_b = batch["images_a"], batch["images_b"]
    generator = generators.unet(real_a.shape[-1].bit_length() - 1)
    discriminator = _patches(6, nn.BatchNorm2d)
    g_optimizer, d_optimizer = _adam(generator), _adam(discriminator)

    def judged(images, real):
        pairs = torch.cat([real_a, images], 1)
        return _sigmoid(discriminator(pairs), real)

    def step():
        fake_b = generator(real_a)
        _freeze([discriminator], False)
        loss = judged(real_b, True) + judged(fake_b.detach(), False)
        _descend(d_optimizer, loss / 2)
        _freeze([discriminator], True)
        loss = judged(fake_b, True) + 100 * F.l1_loss(fake_b, real_b)
        _descend(g_optimizer, loss)

    return step, (g_optimizer, d_optimizer)


class _StarGANDiscriminator(nn.Module):
    def __init__(self, num_labels):
        super().__init__()
        layers, channels = [], 3
        for width in (64 * 2**level for level in range(6)):
            layers += [nn.Conv2d(channels, width, 4, 2, 1)]
            layers += [nn.LeakyReLU(0.01)]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.patches = nn.Conv2d(channels, 1, 3, 1, 1, bias=False)
        self.classes = nn.Conv2d(channels, num_labels, 2, bias=False)

    def forward(self, x):
        x = self.layers(x)
        return self.patches(x), self.classes(x)[:, :, 0, 0]


def _stargan(batch, num_labels=5, critic_steps=5):
    generator = generators.stargan(num_labels)
    discriminator = _StarGANDiscriminator(num_labels)
    g_optimizer, d_optimizer = _adam(generator), _adam(discriminator)
    classify = F.binary_cross_entropy_with_logits

    def translated(images, labels):
        planes = labels[:, :, None, None].expand(-1, -1, *images.shape[2:])
        return generator(torch.cat([images, planes], 1))

    def step():
        for first in range(critic_steps):
            images = batch["images"][first::critic_steps]
            labels = batch["labels"][first::critic_steps]
            targets = labels[torch.randperm(len(labels))]
            patches, classes = discriminator(images)
            loss = classify(classes, labels) - patches.mean()
            fake = translated(images, targets).detach()
            loss = loss + discriminator(fake)[0].mean()
            loss = loss + 10 * _penalty(
                lambda mixed: discriminator(mixed)[0], images, fake
            )
            _descend(d_optimizer, loss)
        fake = translated(images, targets)
        patches, classes = discriminator(fake)
        loss = classify(classes, targets) - patches.mean()
        back = translated(fake, labels)
        _descend(g_optimizer, loss + 10 * F.l1_loss(back, images))

    return step, (g_optimizer, d_optimizer)


def _dcgan(batch, latent_dim=100, filters=64):
    images = batch["images"]
    generator, channels = [], latent_dim
    for factor, *place in ((8, 1, 0), (4, 2, 1), (2, 2, 1), (1, 2, 1)):
        width = factor * filters
        generator += [
            nn.ConvTranspose2d(channels, width, 4, *place, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
        ]
        channels = width
    last = nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False)
    generator = nn.Sequential(*generator, last, nn.Tanh())
    discriminator, channels = [], 3
    for factor in (1, 2, 4, 8):
        width = factor * filters
        discriminator += [nn.Conv2d(channels, width, 4, 2, 1, bias=False)]
        discriminator += [nn.BatchNorm2d(width)] if factor > 1 else []
        discriminator += [nn.LeakyReLU(0.2, True)]
        channels = width
    last = nn.Conv2d(channels, 1, 4, bias=False)
    discriminator = nn.Sequential(*discriminator, last)
    return _from_noise(generator, discriminator, images, (latent_dim, 1, 1))


def _from_noise(generator, discriminator, images, latent_shape):
    g_optimizer, d_optimizer = _adam(generator), _adam(discriminator)

    def step():
        fake = generator(torch.randn(len(images), *latent_shape))
        _freeze([discriminator], False)
        loss = _sigmoid(discriminator(images), True)
        loss = loss + _sigmoid(discriminator(fake.detach()), False)
        _descend(d_optimizer, loss)
        _freeze([discriminator], True)
        _descend(g_optimizer, _sigmoid(discriminator(fake), True))

    return step, (g_optimizer, d_optimizer)


def _contextual(batch, latent_dim=100, filters=64):
    """Lu et al. 2018: joint images, kernels of 5, leaky ReLU throughout."""
    images = torch.cat([batch["images_a"], batch["images_b"]], 3)
    smallest = 8 * filters, *(side // 16 for side in images.shape[2:])
    generator = [
        nn.Linear(latent_dim, math.prod(smallest)),
        nn.Unflatten(1, smallest),
    ]
    channels = 8 * filters
    for factor in (4, 2, 1):
        generator += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2)]
        width = factor * filters
        generator += [nn.ConvTranspose2d(channels, width, 5, 2, 2, 1)]
        channels = width
    generator += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2)]
    generator += [nn.ConvTranspose2d(channels, 3, 5, 2, 2, 1), nn.Tanh()]
    discriminator, channels = [], 3
    for factor in (1, 2, 4, 8):
        width = factor * filters
        discriminator += [nn.Conv2d(channels, width, 5, 2, 2)]
        discriminator += [nn.BatchNorm2d(width)] if factor > 1 else []
        discriminator += [nn.LeakyReLU(0.2)]
        channels = width
    discriminator += [nn.Flatten(), nn.Linear(math.prod(smallest), 1)]
    return _from_noise(
        *(nn.Sequential(*generator), nn.Sequential(*discriminator)),
        *(images, (latent_dim,)),
    )


class _Equalized(nn.Module):
    """A convolution whose kernel is scaled by He's constant at each use."""

    def __init__(self, channels, filters, size=3, padding=1, gain=2**0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(filters, channels, size, size))
        self.bias = nn.Parameter(torch.zeros(filters))
        self.scale = gain / (channels * size**2) ** 0.5
        self.padding = padding

    def forward(self, x):
        weight = self.weight * self.scale
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class _PixelNorm(nn.Module):
    def forward(self, x):
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class _Deviation(nn.Module):
    """Adds a channel: the standard deviation over groups of four images."""

    def forward(self, x):
        groups = x.unflatten(0, (4, -1))
        spread = (groups.var(0, correction=0) + 1e-8).sqrt()
        spread = spread.mean((1, 2, 3), keepdim=True).repeat(4, 1, 1, 1)
        return torch.cat([x, spread.expand(-1, 1, *x.shape[2:])], 1)


def _progressive(batch, latent_dim=64, base=1024, most=64):
    """Karras et al. 2018, appendix A, at its last size."""
    images = batch["images"]
    stages = range(2, images.shape[-1].bit_length() - 1)  # below the last

    def width(stage):
        return min(base // 2**stage, most)

    def block(channels, filters, size=3, padding=1, gain=2**0.5):
        convolution = _Equalized(channels, filters, size, padding, gain)
        return [convolution, nn.LeakyReLU(0.2), _PixelNorm()]

    generator = [_PixelNorm()]
    generator += block(latent_dim, width(1), 4, 3, 2**0.5 / 4)
    generator += block(width(1), width(1))
    for stage in stages:
        generator += [nn.Upsample(scale_factor=2)]
        generator += block(width(stage - 1), width(stage))
        generator += block(width(stage), width(stage))
    last = width(stages[-1])
    generator = nn.Sequential(*generator, _Equalized(last, 3, 1, 0, 1.0))
    critic = [_Equalized(3, last, 1, 0), nn.LeakyReLU(0.2)]
    for stage in reversed(stages):
        for filters in (width(stage), width(stage - 1)):
            critic += [_Equalized(width(stage), filters), nn.LeakyReLU(0.2)]
        critic += [nn.AvgPool2d(2)]
    critic += [_Deviation(), _Equalized(width(1) + 1, width(1))]
    critic += [nn.LeakyReLU(0.2), _Equalized(width(1), width(0), 4, 0)]
    critic += [nn.LeakyReLU(0.2), _Equalized(width(0), 1, 1, 0, 1.0)]
    critic = nn.Sequential(*critic)
    # Smaller sizes have layers of their own to and from images, idle here.
    idle = [width(stage) for stage in range(1, stages[-1])]
    to_images = [_Equalized(filters, 3, 1, 0) for filters in idle]
    from_images = [_Equalized(3, filters, 1, 0) for filters in idle]
    g_optimizer, d_optimizer = (
        _adam(*networks, rate=1e-3, betas=(0.0, 0.99))
        for networks in ((generator, *to_images), (critic, *from_images))
    )

    def generated():
        return generator(torch.randn(len(images), latent_dim, 1, 1))

    def step():
        _freeze([critic], False)
        with torch.no_grad():
            fake = generated()
        real, scores = critic(images), critic(fake)
        loss = scores.mean() - real.mean() + 1e-3 * real.square().mean()
        _descend(d_optimizer, loss + 10 * _penalty(critic, images, fake))
        _freeze([critic], True)
        _descend(g_optimizer, -critic(generated()).mean())

    return step, (g_optimizer, d_optimizer)


class _Scales(nn.Module):
    """UNIT's discriminator: logits at three sizes."""

    def __init__(self, width):
        super().__init__()
        self.scales = nn.ModuleList(self._scale(width) for _ in range(3))
        self.smaller = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

    @staticmethod
    def _scale(width):
        layers, channels = [], 3
        for filters in (width * 2**level for level in range(4)):
            layers += [
                nn.Conv2d(channels, filters, 4, 2, 1, padding_mode="reflect"),
                nn.LeakyReLU(0.2),
            ]
            channels = filters
        return nn.Sequential(*layers, nn.Conv2d(channels, 1, 1))

    def forward(self, x):
        logits = []
        for scale in self.scales:
            logits.append(scale(x))
            x = self.smaller(x)
        return logits


def _unit(batch, width=32):
    """Liu et al. 2017, as published for PyTorch."""
    (e_a, g_a), (e_b, g_b) = (generators.unit(width, 4) for _ in range(2))
    d_a, d_b = _Scales(width), _Scales(width)
    g_optimizer = _adam(e_a, g_a, e_b, g_b, l2=1e-4)
    d_optimizer = _adam(d_a, d_b, l2=1e-4)
    real_a, real_b = batch["images_a"], batch["images_b"]

    def noisy(codes):
        return codes + torch.randn_like(codes)

    def judged(network, images, real):
        return sum(_least_squares(x, real) for x in network(images))

    def step():
        _freeze((d_a, d_b), False)
        with torch.no_grad():
            fake_a, fake_b = g_a(noisy(e_b(real_b))), g_b(noisy(e_a(real_a)))
        loss = judged(d_a, real_a, True) + judged(d_b, real_b, True)
        loss = loss + judged(d_a, fake_a, False) + judged(d_b, fake_b, False)
        _descend(d_optimizer, loss)
        _freeze((d_a, d_b), True)
        codes = e_a(real_a), e_b(real_b)
        noisy_a, noisy_b = map(noisy, codes)
        kept = F.l1_loss(g_a(noisy_a), real_a)
        kept = kept + F.l1_loss(g_b(noisy_b), real_b)
        fake_a, fake_b = g_a(noisy_b), g_b(noisy_a)
        back = e_b(fake_b), e_a(fake_a)
        cycle = F.l1_loss(g_a(noisy(back[0])), real_a)
        cycle = cycle + F.l1_loss(g_b(noisy(back[1])), real_b)
        loss = judged(d_a, fake_a, True) + judged(d_b, fake_b, True)
        kl = sum(code.square().mean() for code in (*codes, *back))
        _descend(g_optimizer, loss + 10 * (kept + cycle) + 0.01 * kl)

    return step, (g_optimizer, d_optimizer)


class _TwoViews(nn.Module):
    """ComboGAN's discriminator: logits at four depths of two views."""

    def __init__(self, width):
        super().__init__()
        self.gray = self._branch(1, width)
        self.blurred = self._branch(3, width)
        self.register_buffer("weights", torch.full((1, 3, 1, 1), 1 / 3))
        self.register_buffer("blur", torch.full((3, 1, 5, 5), 1 / 25))

    @staticmethod
    def _branch(channels, width):
        def layer(channels, filters, stride, normalize=True):
            layers = [nn.Conv2d(channels, filters, 4, stride, 2)]
            layers += [nn.InstanceNorm2d(filters)] if normalize else []
            return nn.Sequential(*layers, nn.PReLU())

        widths = [width * 2**level for level in range(4)]
        return nn.ModuleList(
            [
                layer(channels, width, 2, normalize=False),
                *(layer(w // 2, w + 1, 2) for w in widths[1:]),
                nn.Sequential(
                    layer(widths[-1], widths[-1], 1),
                    nn.Conv2d(widths[-1], 1, 4, 1, 2),
                ),
            ]
        )

    def forward(self, x):
        gray = F.conv2d(x, self.weights)
        blurred = F.conv2d(x, self.blur, padding=2, groups=3)
        branches = (self.gray, gray), (self.blurred, blurred)
        return [
            torch.cat(maps, 2)
            for maps in zip(*(self._logits(*b) for b in branches), strict=True)
        ]

    @staticmethod
    def _logits(layers, x):
        first, *inner, last = layers
        x = first(x)
        for layer in inner:
            # The last channel is of logits.
            x, logits = layer(x).tensor_split([-1], 1)
            yield logits
        yield last(x)


def _combogan(batch, width=32, num_domains=3):
    """Anoosheh et al. 2018: a step takes two of the domains."""
    coders = [generators.combogan(width, 9) for _ in range(num_domains)]
    discriminators = [_TwoViews(width) for _ in range(num_domains)]
    g_optimizers = [_adam(*pair) for pair in coders]
    d_optimizers = [_adam(network) for network in discriminators]
    reals = batch["images_a"], batch["images_b"]

    def judged(discriminator, images, real):
        logits = discriminator(images)
        found = sum(
            weight * _least_squares(x, real)
            for weight, x in zip((1, 2, 3, 5), logits, strict=True)
        )
        return found / (4 * (1 + 2 + 3 + 5))

    def descend(optimizers, loss):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    def step(a=0, b=1):
        ways = [(reals[0], a, b), (reals[1], b, a)]
        _freeze(discriminators, True)
        loss, fakes = 0, []
        for real, own, other in ways:
            fake = coders[other][1](coders[own][0](real))
            again = coders[own][1](coders[other][0](fake))
            loss = loss + judged(discriminators[other], fake, True)
            loss = loss + 10 * F.smooth_l1_loss(again, real)
            fakes.append(fake.detach())
        descend([g_optimizers[a], g_optimizers[b]], loss)
        _freeze(discriminators, False)
        loss = 0
        for (real, own, other), fake in zip(ways, fakes, strict=True):
            loss = loss + judged(discriminators[own], real, True)
            loss = loss + judged(discriminators[other], fake, False)
        descend([d_optimizers[a], d_optimizers[b]], loss / 2)

    return step, g_optimizers + d_optimizers


def _xgan_discriminator(width=16):
    layers = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    channels = width
    for _ in range(3):
        layers += [
            nn.Conv2d(channels, 2 * width, 4, 2, 1, bias=False),
            nn.InstanceNorm2d(2 * width, affine=True),
            nn.LeakyReLU(0.2),
        ]
        channels = 2 * width
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, bias=False))


def _xgan(batch, numbers=1024):
    """Royer et al. 2017, as reimplemented."""
    (e_a, g_a), (e_b, g_b) = generators.xgan(numbers=numbers)
    layers = []
    for _ in range(3):
        layers += [nn.Linear(numbers, numbers, bias=False), nn.LeakyReLU(0.2)]
    classifier = nn.Sequential(*layers, nn.Linear(numbers, 1, bias=False))
    d_a, d_b = _xgan_discriminator(), _xgan_discriminator()
    g_optimizer = _adam(e_a, g_a, e_b, g_b, classifier)
    d_optimizer = _adam(d_a, d_b)
    real_a, real_b = batch["images_a"], batch["images_b"]

    def domain(codes):
        return classifier(2 * codes.detach() - codes)  # reverses gradients

    def step():
        _freeze((d_a, d_b), True)
        code_a, code_b = e_a(real_a), e_b(real_b)
        fake_a, fake_b = g_a(code_b), g_b(code_a)
        loss = F.mse_loss(g_a(code_a), real_a)
        loss = loss + F.mse_loss(g_b(code_b), real_b)
        loss = loss + _sigmoid(domain(code_a), False)
        loss = loss + _sigmoid(domain(code_b), True)
        loss = loss + F.l1_loss(e_b(fake_b), code_a)
        loss = loss + F.l1_loss(e_a(fake_a), code_b)
        loss = loss + _least_squares(d_a(fake_a), True)
        loss = loss + _least_squares(d_b(fake_b), True)
        _descend(g_optimizer, loss)
        _freeze((d_a, d_b), False)
        loss = sum(
            _least_squares(d(real), True) + _least_squares(d(fake), False)
            for d, real, fake in (
                (d_a, real_a, fake_a.detach()),
                (d_b, real_b, fake_b.detach()),
            )
        )
        _descend(d_optimizer, loss / 2)

    return step, (g_optimizer, d_optimizer)
