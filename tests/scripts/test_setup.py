"""scripts/setup with a package manager that only writes down what it is told."""

import os

import pytest

SHIMS = {
    "dpkg-query": 'case " $INSTALLED " in *" ${@: -1} "*) printf installed ;; *) exit 1 ;; esac',
    "apt-get": 'echo "apt-get $*" >> "$RECORD"; [ "$1" = update ] || exit "${APT_STATUS:-0}"',
    "sudo": 'echo "sudo $*" >> "$RECORD"; [ "${SUDO_WORKS:-1}" = 1 ] || exit 1\n'
            '[ "$1" != -n ] || shift; "$@"',
    "id": 'echo "${USER_ID:-0}"',
}


@pytest.fixture
def setup(run_script, root, tmp_path):
    """Runs scripts/setup; returns the process and the lines that were recorded."""
    folder = tmp_path / "shims"
    folder.mkdir()
    for name, text in SHIMS.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (folder / name).chmod(0o755)
    record = tmp_path / "record"

    def run(*groups, installed=(), **environment):
        record.write_text("")
        done = run_script("scripts/setup", *groups, PATH=f"{folder}:{os.environ['PATH']}",
                          INSTALLED=" ".join(installed), RECORD=str(record), **environment)
        return done, record.read_text().splitlines()

    return run


@pytest.fixture
def packages(root):
    rows = [line.split() for line in (root / "scripts/packages.txt").read_text().splitlines()
            if line and not line.startswith("#")]
    return {group: [name for g, name in rows if g == group] for group, _ in rows}


def test_installs_what_is_missing_only(setup, packages):
    wanted = packages["build"]
    run, calls = setup("build", installed=wanted[2:])
    assert run.returncode == 0, run.stderr
    assert calls == ["apt-get update -q",
                     f"apt-get install -y --no-install-recommends {' '.join(wanted[:2])}"]


def test_does_nothing_when_all_is_there(setup, packages):
    run, calls = setup("build", "test", installed=packages["build"] + packages["test"])
    assert (run.returncode, calls, run.stdout) == (0, [], "")


def test_asks_sudo_when_it_is_not_root(setup, packages):
    run, calls = setup("build", installed=packages["build"][1:], USER_ID="1000")
    assert run.returncode == 0, run.stderr
    assert calls[0] == "sudo -n true"  # nobody is there to type a password
    assert calls[-1].endswith(f"--no-install-recommends {packages['build'][0]}")


def test_says_what_root_has_to_run_when_sudo_is_refused(setup, packages):
    run, calls = setup("build", installed=packages["build"][1:], USER_ID="1000", SUDO_WORKS="0")
    assert run.returncode == 1 and not any(call.startswith("apt-get") for call in calls)
    assert "as root, run:\n  apt-get install -y" in run.stderr
    assert packages["build"][0] in run.stderr


def test_says_so_when_packages_cannot_be_installed(setup):
    run, _ = setup("build", APT_STATUS="100")
    assert run.returncode == 1 and "no network?" in run.stderr


def test_does_not_replace_another_boost_unasked(setup, packages):
    installed = ["libboost1.74-dev"] + [p for p in packages["build"] if "boost" not in p]
    run, calls = setup("build", installed=installed)
    assert run.returncode == 1 and calls == [] and "SERVAL_REPLACE_BOOST=1" in run.stderr
    run, calls = setup("build", installed=installed, SERVAL_REPLACE_BOOST="1")
    assert run.returncode == 0 and "libboost1.81-dev" in calls[-1]


def test_unknown_group_is_named(setup):
    run, calls = setup("biuld")
    assert run.returncode == 1 and calls == [] and "biuld" in run.stderr
    assert setup()[0].returncode == 2
