"""Small networks of the families that people export, each with the operators of the real one."""

import torch
from torch import nn
from torch.nn import functional as F

IMAGE = (3, 32, 32)
CLASSES = 5


def conv_bn(inputs, outputs, size=3, stride=1, groups=1, act=nn.ReLU):
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 2 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(2 * width)
        self.downsample = conv_bn(inputs, 2 * width, 1, stride, act=None)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Bottleneck(8, 8, 1), Bottleneck(16, 8, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, CLASSES)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layer1(x)), 1))


class InvertedResidual(nn.Module):
    """The block of MobileNet v2 and, with `squeeze`, v3."""

    def __init__(self, inputs, outputs, stride, act, squeeze=False):
        super().__init__()
        self.expand = conv_bn(inputs, 2 * inputs, 1, act=act)
        self.depthwise = conv_bn(2 * inputs, 2 * inputs, 3, stride, 2 * inputs, act)
        self.squeeze = Squeeze(2 * inputs, nn.Hardsigmoid) if squeeze else nn.Identity()
        self.project = conv_bn(2 * inputs, outputs, 1, act=None)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + y if self.is_residual else y


class Squeeze(nn.Module):
    def __init__(self, channels, gate):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, 4, 1)
        self.fc2 = nn.Conv2d(4, channels, 1)
        self.gate = gate()

    def forward(self, x):
        return x * self.gate(self.fc2(F.relu(self.fc1(self.pool(x)))))


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 8, 3, 2, act=nn.ReLU6),
            InvertedResidual(8, 8, 1, nn.ReLU6),
            InvertedResidual(8, 12, 2, nn.ReLU6),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(12, CLASSES))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class MobileNetV3(nn.Sequential):
    def __init__(self):
        super().__init__(
            conv_bn(3, 8, 3, 2, act=nn.Hardswish),
            InvertedResidual(8, 8, 1, nn.ReLU, squeeze=True),
            InvertedResidual(8, 8, 2, nn.Hardswish, squeeze=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 12),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(12, CLASSES),
        )


class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 2, act=nn.SiLU)
        self.depthwise = conv_bn(8, 8, 5, 1, 8, nn.SiLU)
        self.squeeze = Squeeze(8, nn.Sigmoid)
        self.project = conv_bn(8, 8, 1, act=None)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.project(self.squeeze(self.depthwise(x)))
        return self.head(x.mean((2, 3)))


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 8, 3, 2, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(8 + 4 * i, 4, 3, padding=1) for i in range(3))
        self.transition = nn.Sequential(nn.BatchNorm2d(20), nn.Conv2d(20, 8, 1), nn.AvgPool2d(2, 2))
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        parts = [self.conv0(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            parts.append(conv(F.relu(norm(torch.cat(parts, 1)))))
        x = F.relu(self.transition(torch.cat(parts, 1)))
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.expand1 = nn.Conv2d(4, 8, 1)
        self.expand3 = nn.Conv2d(4, 8, 3, padding=1)
        self.final = nn.Conv2d(16, CLASSES, 1)

    def forward(self, x):
        x = F.relu(self.squeeze(self.pool(F.relu(self.conv1(x)))))
        x = torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)
        return torch.flatten(F.adaptive_avg_pool2d(F.relu(self.final(x)), (1, 1)), 1)


class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, 3, 2)
        self.branch = nn.Sequential(
            conv_bn(4, 4, 1), conv_bn(4, 4, 3, 1, 4, act=None), conv_bn(4, 4, 1)
        )
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x):
        kept, changed = self.stem(x).chunk(2, dim=1)
        x = torch.cat((kept, self.branch(changed)), 1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        return self.fc(x.mean([2, 3]))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = conv_bn(3, 4), conv_bn(4, 8)
        self.middle = conv_bn(8, 8)
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.up2 = conv_bn(16, 4)
        self.up1 = conv_bn(8, 4)
        self.out = nn.Conv2d(4, CLASSES, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.up(self.middle(F.max_pool2d(b, 2)))
        c = self.up2(torch.cat([c, b], 1))
        c = F.interpolate(c, scale_factor=2, mode="bilinear", align_corners=True)
        c = F.interpolate(c, size=x.shape[2:], mode="nearest")
        return self.out(self.up1(torch.cat([c, a], 1))).mean((2, 3))


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 17, 16) / 8)
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 16))
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.expand, self.project = nn.Linear(8, 16), nn.Linear(16, 8)
        self.scale = nn.Parameter(torch.full((8,), 0.5))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.project(F.gelu(self.expand(y)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((-2, -1)))


class Swin(nn.Module):
    """A block of shifted windows with a relative position bias and a mask."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 4, 4)
        self.norm = nn.LayerNorm(16)
        self.qkv, self.proj = nn.Linear(16, 48), nn.Linear(16, 16)
        self.bias_table = nn.Parameter(torch.randn(49, 4) / 4)
        grid = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"))
        offsets = grid.flatten(1)[:, :, None] - grid.flatten(1)[:, None, :] + 3
        self.register_buffer("index", offsets[0] * 7 + offsets[1])
        mask = torch.zeros(4, 16, 16)
        mask[3, :8, 8:] = -100.0
        self.register_buffer("mask", mask)
        self.merge = nn.Linear(64, 32, bias=False)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x):
        x = self.embed(x).permute(0, 2, 3, 1)
        n = x.shape[0]
        y = torch.roll(self.norm(x), (-2, -2), (1, 2))
        y = y.view(n, 2, 4, 2, 4, 16).permute(0, 1, 3, 2, 4, 5).reshape(n * 4, 16, 16)
        q, k, v = self.qkv(y).reshape(n * 4, 16, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) * 0.5
        bias = self.bias_table[self.index.view(-1)].view(16, 16, 4).permute(2, 0, 1)
        scores = scores + bias.unsqueeze(0)
        scores = scores.view(n, 4, 4, 16, 16) + self.mask.unsqueeze(1).unsqueeze(0)
        y = scores.view(n * 4, 4, 16, 16).softmax(-1) @ v
        y = self.proj(y.transpose(1, 2).reshape(n * 4, 16, 16))
        y = y.view(n, 2, 2, 4, 4, 16).permute(0, 1, 3, 2, 4, 5).reshape(n, 8, 8, 16)
        x = x + torch.roll(y, (2, 2), (1, 2))
        parts = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.head(self.merge(torch.cat(parts, -1)).mean((1, 2)))


class Bert(nn.Module):
    """Tokens in, scores out."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 16)
        self.places = nn.Embedding(8, 16)
        self.norm = nn.LayerNorm(16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.pooler = nn.Linear(16, 16)
        self.classifier = nn.Linear(16, CLASSES)
        for parameter in self.parameters():  # the layers of an encoder begin as copies
            nn.init.normal_(parameter, std=0.3)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.norm(self.words(tokens) + self.places(places))
        return self.classifier(torch.tanh(self.pooler(self.encoder(x)[:, 0])))


class Recurrent(nn.Module):
    """Rows of an image, read by a bidirectional LSTM and a GRU."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(32, 8, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(16, 8, batch_first=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        y, _ = self.lstm(x.mean(1))
        return self.head(self.gru(y)[0][:, -1])


VISION = [
    ResNet, MobileNetV2, MobileNetV3, EfficientNet, DenseNet, SqueezeNet, ShuffleNet, UNet, ViT,
    ConvNeXt, Swin, Recurrent,
]  # fmt: skip
FAMILIES = [*VISION, Bert]


def build(family):
    """Return a network with statistics as of a trained one, and a sample input of two."""
    torch.manual_seed(0)
    net = family()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, nn.LayerNorm):  # equal ones would be stored once
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    return net.eval(), sample(family, 2)


def sample(family, batch):
    generator = torch.Generator().manual_seed(batch)
    if family is Bert:
        return torch.randint(0, 20, (batch, 6), generator=generator)
    return torch.randn(batch, *IMAGE, generator=generator)
