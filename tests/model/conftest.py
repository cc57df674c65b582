"""How long the model is searched: `pytest tests/model --model-runs 20000` for a night, the default on every change."""

import pytest

RUNS = 200


def pytest_addoption(parser):
    parser.addoption("--model-runs", type=int, default=RUNS, help="seeded runs of the lease model")


@pytest.fixture
def model_runs(request) -> int:
    return request.config.getoption("--model-runs", default=RUNS)
