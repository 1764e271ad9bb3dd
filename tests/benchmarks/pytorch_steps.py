"""Training steps in PyTorch, as the originals take them, to time.

Layers and orders of updates are those of our models. Left out is what takes
no time: pools, schedules, logs.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tests.benchmarks import pytorch_generators as generators


def make(row, batch, num_labels=5):
    """Return a function that takes one training step.

    Args:
        row: a name in `train_step.ROWS`.
        batch: dict of tensors: `images_a` and `images_b`, or `images` and
            `labels`.
        num_labels: int, of StarGAN.
    """
    if row.startswith("article"):
        return _cyclegan(
            generators.article, _article_discriminator, _sigmoid, 0, batch
        )
    if row.startswith("resnet"):
        return _cyclegan(
            lambda: generators.resnet(6),
            lambda: _patches(3, nn.InstanceNorm2d),
            _least_squares,
            5,
            batch,
        )
    if row.startswith("pix2pix"):
        return _pix2pix(batch)
    return _stargan(batch, num_labels)


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


def _adam(*networks):
    parameters = itertools.chain(*(n.parameters() for n in networks))
    return torch.optim.Adam(parameters, 2e-4, (0.5, 0.999), fused=True)


def _freeze(networks, frozen):
    for network in networks:
        network.requires_grad_(not frozen)


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


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

    return step


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

    return step


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


def _stargan(batch, num_labels, critic_steps=5):
    generator = generators.stargan(num_labels)
    discriminator = _StarGANDiscriminator(num_labels)
    g_optimizer, d_optimizer = _adam(generator), _adam(discriminator)
    classify = F.binary_cross_entropy_with_logits

    def translated(images, labels):
        planes = labels[:, :, None, None].expand(-1, -1, *images.shape[2:])
        return generator(torch.cat([images, planes], 1))

    def penalty(real, fake):
        mixing = torch.rand(len(real), 1, 1, 1)
        mixed = (mixing * real + (1 - mixing) * fake).requires_grad_()
        patches = discriminator(mixed)[0]
        (gradient,) = torch.autograd.grad(
            patches, mixed, torch.ones_like(patches), create_graph=True
        )
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    def step():
        for first in range(critic_steps):
            images = batch["images"][first::critic_steps]
            labels = batch["labels"][first::critic_steps]
            targets = labels[torch.randperm(len(labels))]
            patches, classes = discriminator(images)
            loss = classify(classes, labels) - patches.mean()
            fake = translated(images, targets).detach()
            loss = loss + discriminator(fake)[0].mean()
            loss = loss + 10 * penalty(images, fake)
            _descend(d_optimizer, loss)
        fake = translated(images, targets)
        patches, classes = discriminator(fake)
        loss = classify(classes, targets) - patches.mean()
        back = translated(fake, labels)
        _descend(g_optimizer, loss + 10 * F.l1_loss(back, images))

    return step
