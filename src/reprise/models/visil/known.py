"""What is known of ViSiL before it is loaded."""

from __future__ import annotations

from reprise.models.network import Network, WeightsFile

REGIONS = 9  # 3 x 3 of a frame
PLACE = "http://ndd.iti.gr/visil"
# What the published weights were trained on: torchvision's first ImageNet weights, whitened.
COMPANIONS = (
    WeightsFile("pca_resnet50_vcdb_1M.pth", f"{PLACE}/pca_resnet50_vcdb_1M.pth"),
    WeightsFile(
        "resnet50-0676ba61.pth",
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        sha256="0676ba61",  # torchvision's names end with their hash's beginning
    ),
)
SOURCE = "https://github.com/MKLab-ITI/visil/tree/pytorch"
CITATION = (
    "Kordopatis-Zilos, Papadopoulos, Patras and Kompatsiaris, ViSiL: Fine-grained Spatio-Temporal Video Similarity "
    "Learning, ICCV 2019"
)

VISIL = Network(
    name="visil",
    title="ViSiL, similarity of videos from 3 x 3 regions of their frames",
    operator="video_embedding.visil",
    load="reprise.models.visil.loading:load",
    picture=256,
    dimension=3840,
    weights=(WeightsFile("visil.pth", f"{PLACE}/visil.pth"),),
    companions=COMPANIONS,
    regions=REGIONS,
    licence="Apache-2.0",
    source=SOURCE,
    citation=CITATION,
)
VISIL_SYMMETRIC = Network(
    name="visil-symmetric",
    title="ViSiL with symmetric chamfer similarity and 512 numbers a region",
    operator="video_embedding.visil",
    arguments=(("model", "visil-symmetric"),),
    load="reprise.models.visil.loading:load",
    picture=256,
    dimension=512,
    weights=(WeightsFile("visil_symmetric.pth", f"{PLACE}/visil_symmetric.pth"),),
    companions=COMPANIONS,
    regions=REGIONS,
    licence="Apache-2.0",
    source=SOURCE,
    citation=CITATION,
)
