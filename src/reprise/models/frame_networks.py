"""What is known of the published networks that describe single frames, beside ISC."""

from __future__ import annotations

from reprise.models.network import Network, WeightsFile

_SSCD_FILES = "https://dl.fbaipublicfiles.com/sscd-copy-detection"
_SSCD_SOURCE = "https://github.com/facebookresearch/sscd-copy-detection"
_SSCD_CITATION = (
    "Pizzi, Dutta Roy, Nagavara Ravindra, Goyal, Douze, A Self-Supervised Descriptor for Image Copy Detection, "
    "CVPR 2022 (arXiv:2202.10261)"
)
# The makers recommend the first; the others are of the same shape.
_SSCD_NAMES = (
    "sscd_disc_mixup",
    "sscd_disc_advanced",
    "sscd_disc_blur",
    "sscd_imagenet_mixup",
    "sscd_imagenet_advanced",
    "sscd_imagenet_blur",
)

SSCD = Network(
    name="sscd",
    title="SSCD, Meta's descriptor for image copy detection, ResNet50",
    operator="image_embedding.sscd",
    load="reprise.models.sscd:load",
    # Published are pictures of 288 pixels on the shorter side, and squares of 320 for batches; squares cost a third
    # less on wide video, and a query's insets of all shapes fill one batch.
    picture=(320, 320),
    dimension=512,
    weights=tuple(
        WeightsFile(f"{name}.torchscript.pt", f"{_SSCD_FILES}/{name}.torchscript.pt") for name in _SSCD_NAMES
    ),
    licence="MIT",
    source=_SSCD_SOURCE,
    citation=_SSCD_CITATION,
)
SSCD_LARGE = Network(
    name="sscd-large",
    title="SSCD, large: ResNeXt101 32x4",
    operator="image_embedding.sscd",
    load="reprise.models.sscd:load",
    picture=(320, 320),
    dimension=1024,
    arguments=(("model_name", "sscd-large"),),
    weights=(WeightsFile("sscd_disc_large.torchscript.pt", f"{_SSCD_FILES}/sscd_disc_large.torchscript.pt"),),
    licence="MIT",
    source=_SSCD_SOURCE,
    citation=_SSCD_CITATION,
)

_RESNET50_WEIGHTS = (
    # Torch's file names end in the beginning of their SHA-256.
    WeightsFile(
        "resnet50-11ad3fa6.pth", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", sha256="11ad3fa6"
    ),
)
_RESNET50_SOURCE = "https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html"
_RESNET50_CITATION = "He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016 (arXiv:1512.03385)"

RESNET50 = Network(
    name="resnet50",
    title="Torchvision's ResNet50, IMAGENET1K_V2, pooled features",
    operator="image_embedding.resnet50",
    load="reprise.models.resnet50:load",
    picture=232,
    dimension=2048,
    weights=_RESNET50_WEIGHTS,
    licence="BSD-3-Clause",
    source=_RESNET50_SOURCE,
    citation=_RESNET50_CITATION,
)
RESNET50_LOGITS = Network(
    name="resnet50-logits",
    title="Torchvision's ResNet50, IMAGENET1K_V2, logits",
    operator="image_embedding.resnet50",
    load="reprise.models.resnet50:load",
    picture=232,
    dimension=1000,
    arguments=(("output", "logits"),),
    weights=_RESNET50_WEIGHTS,
    licence="BSD-3-Clause",
    source=_RESNET50_SOURCE,
    citation=_RESNET50_CITATION,
)
