"""Paths and helpers of the script tests."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def root():
    return ROOT


@pytest.fixture(scope="session")
def pip_environment(tmp_path_factory):
    """What get-model makes on its first download; made once here, as it takes seconds."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def run_script(tmp_path, pip_environment):
    """Runs a script of the checkout with a cache folder of its own; returns the finished process."""
    (tmp_path / "cache/serval").mkdir(parents=True)
    (tmp_path / "cache/serval/pip").symlink_to(pip_environment)

    def run(*arguments, **environment):
        variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment}
        return subprocess.run([ROOT / arguments[0], *map(str, arguments[1:])], env=variables,
                              capture_output=True, text=True, timeout=300)

    return run
