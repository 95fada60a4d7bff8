"""The service against requests that nobody would think of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="the fuzzer is schemathesis")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import Running, running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 8  # of each route, of requests that the description allows and of those that it does not


@pytest.fixture(scope="module")
def service(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The command, with refs/ as its root and a video in its library."""
    with running(tmp_path_factory.mktemp("fuzz"), "--root", films / "refs", "--queue", "8") as one:
        yield one


@pytest.fixture(scope="module")
def schema(service: Running) -> object:
    """The service's description of itself."""
    return schemathesis.openapi.from_url(f"{service.address}/openapi.json")


def test_every_request_is_answered_as_the_description_says(schema: object, service: Running) -> None:
    asked = 0
    for result in schema.get_all_operations():  # type: ignore[attr-defined]
        operation = result.ok()

        positive, negative = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
        raw = operation.definition.raw
        # What takes nothing can be asked in no wrong way.
        for mode in (positive, negative) if raw.get("parameters") or raw.get("requestBody") else (positive,):

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(mode))
            def ask(case: object) -> None:
                nonlocal asked
                asked += 1
                case.call_and_validate(checks=CHECKS)  # type: ignore[attr-defined]

            ask()
    assert asked > 200
    assert "Traceback" not in service.log.read_text()
