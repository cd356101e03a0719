"""What the README shows is true of this checkout."""

import json
import re
import subprocess
import tomllib


def blocks(root, language):
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def test_plugin_passes_the_kit(root, tmp_path):
    source = tmp_path / "shout.cc"
    source.write_text(blocks(root, "cpp")[0])
    plugin = tmp_path / "shout.so"
    run = subprocess.run(["g++", "-std=c++20", "-O1", "-Wall", "-Wextra", "-shared", "-fPIC",
                          "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-gnu-unique",
                          f"-Wl,--version-script={root}/cmake/serval_plugin.map,-z,now",
                          f"-I{root}/plugin-api/include", f"-I{root}/plugin-api/cpp",
                          source, "-o", plugin], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len([line for line in blocks(root, "cpp")[0].splitlines() if line.strip()]) <= 10
    kit = subprocess.run([root / "build/bin/serval", "check", plugin], capture_output=True, text=True)
    assert kit.returncode == 0, kit.stdout + kit.stderr
    listed = subprocess.run([root / "build/bin/serval", "plugins", "--dir", tmp_path],
                            capture_output=True, text=True)
    assert listed.returncode == 0 and "org.example.shout" in listed.stdout, listed.stdout


def test_curl_body_is_json(root):
    body = re.search(r"-d '(.*?)'", blocks(root, "sh")[1], re.DOTALL)[1]
    assert json.loads(body)["stream"] is True


def test_toml_parses(root):
    assert tomllib.loads(blocks(root, "toml")[0])["model"][0]["name"] == "coder"
