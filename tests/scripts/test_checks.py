"""The checks under tools/ hold on this checkout, and each catches what it is for."""

import importlib
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def tool(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "tools"))
    return importlib.import_module


def test_includes_of_this_checkout(tool, root):
    assert tool("check_includes").check(root) == []


@pytest.mark.parametrize("source, include, why", [
    ("host/a.cc", '"plugins/llm/engine.h"', "host/ may not include plugins/"),
    ("host/a.cc", '"kernels/ops.h"', "host/ may not include kernels/"),
    ("plugins/llm/a.cc", '"host/request/request.h"', "plugins/ may not include host/"),
    ("plugins/llm/a.cc", '"plugins/tts/engine.h"', "may not include another plugin"),
    ("plugins/llm/engine.cc", "<serval/plugin.h>", "only plugin.cc"),
    ("kernels/a.cc", '"common/json.h"', "kernels/ may not include common/"),
    ("common/a.cc", '"../host/net/x.h"', "common/ may not include host/"),
    ("plugin-api/include/serval/a.h", '"common/result.h"', "plugin-api/ may not include common/"),
])
def test_forbidden_include_is_found(tool, tmp_path, source, include, why):
    for path in (source, "host/net/x.h"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / source).write_text(f"// text\n#  include {include}\n")
    found = tool("check_includes").check(tmp_path)
    assert len(found) == 1 and why in found[0] and f"{source}:2" in found[0]


@pytest.mark.parametrize("source, include", [
    ("host/a.cc", "<serval/host.h>"),
    ("plugins/llm/plugin.cc", "<serval/plugin.h>"),
    ("plugins/llm/engine.cc", '"plugins/llm/cache/pool.h"'),
    ("plugins/llm/engine.cc", '"kernels/ops.h"'),
    ("tests/host/a.cc", '"host/net/x.h"'),
    ("common/a.cc", "<spdlog/spdlog.h>"),
])
def test_allowed_include_passes(tool, tmp_path, source, include):
    (tmp_path / source).parent.mkdir(parents=True)
    (tmp_path / source).write_text(f"#include {include}\n")
    assert tool("check_includes").check(tmp_path) == []


def test_files_of_this_checkout(tool, root):
    assert tool("check_files").check(root) == []


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


@pytest.mark.parametrize("text, why", [
    ("x\n" * 801, "801 lines"),
    ("-march=native\n", "-march=native"),
    ("// TODO: later\n", "unfinished work"),
    ('open("/home/someone/x")\n', "path of a machine"),
])
def test_bad_file_is_found(tool, repository, text, why):
    (repository / "a.cc").write_text(text)
    found = tool("check_files").check(repository)
    assert len(found) == 1 and why in found[0]


def test_large_median_is_found(tool, repository):
    for number in range(20):
        (repository / f"{number}.cc").write_text("x\n" * 300)
    assert any("median" in line for line in tool("check_files").check(repository))


def test_ignored_and_binary_files_are_not_read(tool, repository):
    (repository / ".gitignore").write_text("build/\n")
    (repository / "build").mkdir()
    (repository / "build/a.cc").write_text("x\n" * 900)
    (repository / "data.bin").write_bytes(b"\0/home/someone")
    assert tool("check_files").check(repository) == []


def test_shell_scripts_pass_shellcheck(root):
    assert shutil.which("shellcheck"), "shellcheck is in the test group of scripts/packages.txt"
    names = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True,
                           check=True).stdout.split()
    shell = [name for name in names if (root / name).is_file()
             and (root / name).read_bytes()[:64].startswith((b"#!/usr/bin/env bash", b"#!/bin/sh"))]
    assert "scripts/setup" in shell
    run = subprocess.run(["shellcheck", *shell], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


REPORT = """<testsuite tests="3" failures="1" skipped="1">
<testcase name="good" status="run"/>
<testcase name="bad" status="fail"><failure message=""/></testcase>
<testcase name="left" status="notrun"><skipped message=""/></testcase></testsuite>"""


@pytest.mark.parametrize("reports, last, status", [
    ([REPORT], "1 passed, 1 failed, 1 skipped", 1),
    ([REPORT.replace("failure", "system-out")], "2 passed, 0 failed, 1 skipped", 0),
    ([REPORT, REPORT], "2 passed, 2 failed, 2 skipped", 1),
    (["<testsuite/>"], "0 passed, 1 failed, 0 skipped", 1),
    (["<cut"], "0 passed, 1 failed, 0 skipped", 1),
    ([], "0 passed, 1 failed, 0 skipped", 1),
])
def test_summary_counts(root, tmp_path, reports, last, status):
    paths = []
    for number, report in enumerate(reports):
        paths.append(tmp_path / f"{number}.xml")
        paths[-1].write_text(report)
    run = subprocess.run([sys.executable, root / "tools/test_summary.py", *paths],
                         capture_output=True, text=True)
    assert (run.stdout.splitlines()[-1], run.returncode) == (last, status)
