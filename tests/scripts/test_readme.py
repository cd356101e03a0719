"""What the README shows is true of this checkout."""

import json
import re
import subprocess
import tomllib


def blocks(root, language):
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def test_plugin_compiles(root, tmp_path):
    source = tmp_path / "shout.cc"
    source.write_text(blocks(root, "cpp")[0])
    run = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                          f"-I{root}/plugin-api/include", f"-I{root}/plugin-api/cpp", source],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_curl_body_is_json(root):
    body = re.search(r"-d '(.*?)'", blocks(root, "sh")[1], re.DOTALL)[1]
    assert json.loads(body)["stream"] is True


def test_toml_parses(root):
    assert tomllib.loads(blocks(root, "toml")[0])["model"][0]["name"] == "coder"
