"""From a training's checkpoint to the ONNX file that ships."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from reprise.training.calibration import CalibratedDescriptor, calibrated
from reprise.training.images import draw
from reprise.training.loop import CHECKPOINT
from reprise.training.network import DescriptorNetwork

PICTURE_SIZE = 128
HALVED_FROM = 1_024  # numbers; smaller arrays stay exact, they weigh nothing


def trained_network(folder: Path) -> DescriptorNetwork:
    """The running mean of the weights in the folder's checkpoint."""
    network = DescriptorNetwork()
    network.load_state_dict(torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")["average"])
    return network.eval()


def export(folder: Path, target: Path, picture_size: int = PICTURE_SIZE) -> None:
    """Calibrates the folder's network and writes it to `target`; prints size, hash and what rounding changed."""
    descriptor = calibrated(trained_network(folder), picture_size)
    write(descriptor, target, picture_size)
    content = target.read_bytes()
    print(f"{target}: {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")
    largest, least = agreement(descriptor, target, picture_size)
    print(f"against float32 weights: numbers differ by at most {largest:.1e}, cosines are at least {least:.6f}")


def agreement(descriptor: CalibratedDescriptor, file: Path, picture_size: int) -> tuple[float, float]:
    """(largest difference of a number, least cosine) between the file's embeddings and the descriptor's own."""
    rng = np.random.default_rng(0)
    frames = np.stack([draw(rng, picture_size) for _ in range(64)])
    with torch.inference_mode():
        expected = descriptor(torch.from_numpy(frames)).numpy()
    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    embeddings = network.run(["embeddings"], {"frames": frames})[0]
    return float(np.abs(embeddings - expected).max()), float((embeddings * expected).sum(1).min())


def write(descriptor: CalibratedDescriptor, target: Path, picture_size: int, *, half: bool = True) -> None:
    """The descriptor as ONNX: `frames` [n, size, size, 3] uint8 RGB to `embeddings` [n, 256] float32.

    `half` keeps the weights as float16, which halves the file; they are widened when the file is loaded, so
    that computing is as exact and as fast as with float32.
    """
    example = torch.zeros(2, picture_size, picture_size, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        descriptor,
        (example,),
        dynamo=True,
        input_names=["frames"],
        output_names=["embeddings"],
        dynamic_shapes={"frames": {0: torch.export.Dim("n", min=1)}},
        verbose=False,
    )
    assert program is not None
    program.optimize()
    model = program.model_proto
    if half:
        _halve(model)
    for node in model.graph.node:  # names of files and functions of the machine it was made on
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model.SerializeToString())


def _halve(model: onnx.ModelProto) -> None:
    """Stores large float32 weights as float16, each followed by a cast."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < HALVED_FROM:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
