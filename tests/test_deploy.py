"""Files for deployments: they parse, name what Reprise names, and explain every value. Nothing here runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML comes with Ray")

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "docker-compose.yml", ROOT / "deploy" / "milvus-values.yaml", ROOT / "deploy" / "ray-cluster.yaml"]


def parsed(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_yaml_with_no_tabs_and_an_explanation_at_its_head(path: Path) -> None:
    text = path.read_text()
    assert parsed(path)
    assert text.startswith("# ")
    assert "\t" not in text


def test_every_value_of_the_milvus_cluster_is_explained() -> None:
    lines = (ROOT / "deploy" / "milvus-values.yaml").read_text().splitlines()
    explained, unexplained = False, []
    for line in lines:
        is_comment = line.strip().startswith("#")
        is_value = not is_comment and ": " in line and not line.rstrip().endswith("|+")
        if is_value and not explained:
            unexplained.append(line)
        # A comment holds for the values that follow it at once.
        explained = is_comment or (explained and bool(line.strip()))
    assert unexplained == []


def test_the_cluster_has_the_parts_that_a_milvus_cluster_consists_of() -> None:
    values = parsed(ROOT / "deploy" / "milvus-values.yaml")
    assert values["cluster"]["enabled"] is True
    for part in ("proxy", "dataNode", "indexNode", "queryNode", "mixCoordinator"):
        assert values[part]["replicas"] >= 1
        assert values[part]["resources"]["requests"].keys() == {"cpu", "memory"}
    assert [values[log]["enabled"] for log in ("pulsarv3", "pulsar", "kafka")] == [True, False, False]
    assert parsed_user_config(values)["queryNode"]["mmap"] == {
        "scalarField": True,
        "vectorField": True,
        "vectorIndex": False,
    }


def parsed_user_config(values: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(values["extraConfigFiles"]["user.yaml"])
    return content


def test_the_standalone_server_is_open_to_this_machine_alone_and_of_the_tested_version() -> None:
    service = parsed(ROOT / "docker-compose.yml")["services"]["milvus"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    tested = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if "milvus==" in line)
    assert service["image"].removeprefix("milvusdb/milvus:v") in tested


def test_the_ray_machines_see_the_videos_under_one_path_and_report_nothing() -> None:
    spec = parsed(ROOT / "deploy" / "ray-cluster.yaml")["spec"]
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert head["rayStartParams"] == {"num-cpus": "0", "disable-usage-stats": "true"}
    (worker,) = workers["template"]["spec"]["containers"]
    (mount,) = worker["volumeMounts"]
    (volume,) = workers["template"]["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert worker["image"] == head["template"]["spec"]["containers"][0]["image"]
    assert spec["rayVersion"] in (ROOT / "deploy" / "ray-cluster.yaml").read_text().partition("apiVersion")[0]
