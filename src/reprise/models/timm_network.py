"""Any network of timm (PyTorch Image Models) by its name: `timm/NAME`, its features before the classifier."""

from __future__ import annotations

import contextlib
import difflib
import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import MissingWeightsError, SettingsError
from reprise.models.backends import run_on
from reprise.models.checkpoints import fit, read_state, required
from reprise.models.embedder import NetworkEmbedder
from reprise.models.network import Network, WeightsFile
from reprise.models.preprocessing import checked

PREFIX = "timm/"
POOLINGS = ("timm", "towhee")
# Where published and self-trained checkpoints keep the state beside other things.
NESTED = ("state_dict", "model", "model_state_dict")


@functools.cache
def timm_network(name: str) -> Network:
    """What is known of a network of timm, before it is loaded.

    name: with PREFIX, as timm spells it, with or without the tag of the weights ("timm/resnet50.a1_in1k"; without one
    it is timm's default). Its weights are looked for as NAME.TAG with the endings .safetensors, .bin and .pth.

    Raises MissingExtraError without timm, SettingsError for a name that timm does not have.
    """
    short = name.removeprefix(PREFIX)
    # What is missing is told in the name of the network that was asked for.
    config = config_of(short, Network(name, "", "", "", 0, None))
    full = f"{config['architecture']}.{config['tag']}" if config.get("tag") else config["architecture"]
    hub = config.get("hf_hub_id") or ""
    source = f"https://huggingface.co/{hub}" if hub else ""
    own = config.get("url") or ""
    files = {
        f"{full}.safetensors": f"{source}/resolve/main/model.safetensors" if hub else "",
        f"{full}.bin": f"{source}/resolve/main/pytorch_model.bin" if hub else "",
        f"{full}.pth": own if own.endswith(".pth") else "",
    }
    return Network(
        name=name,
        title=f"{full} of timm",
        operator="image_embedding.timm",
        load="reprise.models.timm_network:load",
        picture=_picture(config),
        dimension=None,
        arguments=(("model_name", short),),
        weights=tuple(WeightsFile(file, url) for file, url in files.items()),
        licence=config.get("license") or "",
        source=source,
    )


def load(
    network: Network, weights: Path | None, device: str, threads: int, *, backend: str = "auto"
) -> NetworkEmbedder:
    """As `reprise.models.loading.Load`; `backend` as in `reprise.models.backends.run_on`.

    Of the network's arguments, model_name is timm's name, and pooling "timm" (the network's own, as with
    num_classes=0) or "towhee": of what forward_features gives, the first of tokens [n, tokens, dim], or the mean of a
    map [n, dim, height, width]. The two are one for most networks: not for those that take the mean of their tokens
    (the mixers), that have layers between pooling and classifier, or that keep maps as [n, height, width, dim].
    """
    if weights is None:
        raise MissingWeightsError(f"model {network.name}: give the file of its weights")
    arguments = dict(network.arguments)
    name, pooling = arguments["model_name"], arguments.get("pooling", POOLINGS[0])
    if pooling not in POOLINGS:
        raise SettingsError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
    config = config_of(name, network)
    _, height, width = config["input_size"]
    prepare = Prepare(network, config)

    def build() -> Any:
        return _built(network, name, config, pooling, weights)

    run = run_on(network, weights, build, (height, width), device=device, threads=threads, backend=backend)
    return NetworkEmbedder(run, prepare, (height, width))


class Prepare:
    """As `reprise.models.preprocessing.Prepare`: the network's own transforms, by timm."""

    def __init__(self, network: Network, config: dict[str, Any]) -> None:
        self._image = required("PIL.Image", network)
        timm = required("timm.data", network)
        self._transform = timm.create_transform(**timm.resolve_data_config(pretrained_cfg=config))

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pictures = [self._transform(self._image.fromarray(checked(frame))).numpy() for frame in frames]
        return np.stack(pictures).astype(np.float32, copy=False)


def _built(network: Network, name: str, config: dict[str, Any], pooling: str, weights: Path) -> Any:
    timm = required("timm", network)
    state = read_state(weights, network, nested=NESTED, prefix="module.")
    named = config.get("classifier") or ()
    classifiers = [named] if isinstance(named, str) else list(named)
    # Published weights have a classifier, those that others trained may have one of their own classes, or none.
    classes = next((len(state[f"{key}.weight"]) for key in classifiers if f"{key}.weight" in state), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old names of networks
        module = timm.create_model(name, pretrained=False, num_classes=classes)
    fit(module, state, weights, network)
    module.reset_classifier(0)
    return (_by_first_token(network, module) if pooling == "towhee" else module).eval()


def _by_first_token(network: Network, module: Any) -> Any:
    torch = required("torch", network)

    class Pooled(torch.nn.Module):  # type: ignore[misc, name-defined]
        """A network of timm, pooled as Towhee's operator does it."""

        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, pictures: Any) -> Any:
            features = self.network.forward_features(pictures)
            if features.dim() == 4:
                return features.mean(dim=(2, 3))
            return features[:, 0] if features.dim() == 3 else features

    return Pooled()


def _picture(config: dict[str, Any]) -> tuple[int, int] | int:
    """What frames are decoded to: what the transforms of timm resize them to."""
    _, height, width = config["input_size"]
    share = config.get("crop_pct") or 0.875
    if config.get("crop_mode", "center") == "center" and height == width:
        return int(height / share)
    return int(width / share), int(height / share)


@functools.cache
def _known_names(network: Network) -> tuple[str, ...]:
    return tuple(required("timm", network).list_models())


def config_of(name: str, network: Network) -> dict[str, Any]:
    """What timm says of the network and its weights. Raises SettingsError for a name it does not have."""
    timm = required("timm", network)
    config = None
    # What timm raises for names that it does not have, by the kind of name; what is missing is told below.
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError, ValueError, NotImplementedError):
        warnings.simplefilter("ignore")  # old names of networks
        if timm.is_model(name):
            known = timm.get_pretrained_cfg(name)
            if known is not None:
                config = dict(known.to_dict())
            else:
                # Only when it is built does an old name say what it stands for; "meta" is built without any memory.
                with required("torch", network).device("meta"):
                    config = dict(timm.create_model(name, pretrained=False).pretrained_cfg)
    if config is None or "input_size" not in config:
        near = difflib.get_close_matches(name.partition(".")[0], _known_names(network), n=3, cutoff=0.5)
        hint = f"; near are {', '.join(near)}" if near else "; timm.list_models() lists what there is"
        raise SettingsError(f"model {PREFIX}{name}: timm {timm.__version__} has no such network{hint}")
    return config
