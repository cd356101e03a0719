"""What docs/ says of parameters, metrics, settings and commands is what the program does."""
import re
import subprocess

import httpx
import pytest

from server import BINARY, MODEL, ROOT

WRONG = [[]]  # of a wrong type for every parameter


def document(name):
    return (ROOT / "docs" / name).read_text()


def section(name, heading):
    """The text below a heading, up to the next of its level."""
    level = heading.split()[0]
    return document(name).split(f"\n{heading}\n", 1)[1].split(f"\n{level} ", 1)[0]


def first_cells(text):
    """The names in the first column of a section's tables."""
    names = set()
    for line in text.splitlines():
        if line.startswith("| `"):
            names.update(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return names


def documented_parameters():
    text = section("http-api.md", "## Parameters")
    refused = text.split("Refused by name so far:", 1)[1]
    return first_cells(text), set(re.findall(r"`([a-z_]+)`", refused))


def errors_of(server, parameter):
    bodies = {"/v1/chat/completions": {"messages": [{"role": "user", "content": "a"}]},
              "/v1/completions": {"prompt": "a"}}
    for path, body in bodies.items():
        reply = httpx.post(server.url + path, json={"model": MODEL, **body, parameter: WRONG})
        assert reply.status_code == 400, (path, parameter, reply.text)
        yield reply.json()["error"]


def test_every_documented_parameter_is_read(server):
    for parameter in sorted(documented_parameters()[0]):
        errors = [e for e in errors_of(server, parameter) if "unknown parameter" not in e["message"]]
        assert errors, f"{parameter} is documented, but no endpoint knows it"
        assert all(error["param"] == parameter for error in errors), errors


def test_every_unsupported_parameter_is_refused_by_name(server):
    for parameter in sorted(documented_parameters()[1]):
        errors = list(errors_of(server, parameter))
        assert any(e["message"] == f"{parameter} is not supported by this server"
                   for e in errors), errors
        assert all(e["param"] == parameter for e in errors), errors


def parameters_of_the_code(sources):
    known = set()
    for source in sources:
        text = source.read_text()
        known.update(re.findall(r'\breader\.(?:read|value)\("([a-z_]+)"', text))
        known.update(re.findall(r'\bread_(?:float|int)\(reader, "([a-z_]+)"', text))
        for keys in re.findall(r"refuse_unsupported\(\s*reader, \{(.*?)\}", text, re.DOTALL):
            known.update(re.findall(r'"([a-z_]+)"', keys))
    return known


def test_every_parameter_of_the_code_is_documented():
    folder = ROOT / "host/protocols/openai"
    embeddings, audio = folder / "embeddings_params.cc", folder / "audio_params.cc"
    known = parameters_of_the_code(set(folder.glob("*params*.cc")) - {embeddings, audio})
    assert len(known) > 40
    assert known == set.union(*documented_parameters())
    known = parameters_of_the_code([embeddings])
    assert len(known) >= 5  # those it hands on to the plugin unread are not among them
    assert known <= first_cells(section("http-api.md", "## Embeddings"))
    known = parameters_of_the_code([audio])
    known |= set(re.findall(r'\{"([a-z_]+)", Kind::', audio.read_text())) - {
        "threshold", "prefix_padding_ms", "silence_duration_ms"}  # members of chunking_strategy
    assert len(known) > 25
    documented = {name.removesuffix("[]") for name in first_cells(section("http-api.md", "## Audio"))}
    formats = {"json", "text", "srt", "verbose_json", "vtt"}
    assert known | formats | {"file"} == documented
    known = parameters_of_the_code([folder / "audio_live.cc"]) - {"type"}
    assert known <= first_cells(section("http-api.md", "## Live audio"))


def test_every_metric_is_documented_and_there(server):
    server.answers()
    text = section("operations.md", "## Metrics")
    documented = set(re.findall(r"`(serval_[a-z_]+)`", text))
    page = httpx.get(f"{server.url}/metrics").text
    families = set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))
    ours = {f for f in families if not f.startswith(("serval_plugin_", "process_"))}
    assert ours <= documented
    code = "".join(p.read_text() for p in (ROOT / "host").rglob("*.cc"))
    for name in documented:
        assert f'"{name}"' in code, name


def test_every_setting_of_the_llm_plugin_is_documented(tmp_path):
    (tmp_path / "serval.toml").write_text(
        f'[[model]]\nname = "m"\nplugin = "org.serval.llm"\npath = "{tmp_path}"\n'
        '[model.config]\nzzzzzzzz = 1\n')
    done = subprocess.run([BINARY, "config-check", "--config", tmp_path / "serval.toml"],
                          capture_output=True, text=True)
    known = set(re.search(r"zzzzzzzz: unknown key \(known are (.*)\)", done.stdout)[1].split(", "))
    assert known == first_cells(section("llm.md", "## `[model.config]`"))


@pytest.mark.parametrize("command", ["serve", "config-check", "plugins", "check", "keys", "version"])
def test_every_command_is_documented(command):
    listed = subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout
    assert re.search(rf"^  {command} ", listed, re.MULTILINE)
    assert re.search(rf"^\| `serval {command}\b", section("operations.md", "## Commands"),
                     re.MULTILINE)
    usage = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True)
    assert usage.returncode == 0 and usage.stdout


def test_the_help_lists_no_other_command():
    listed = subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout
    assert set(re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)) == {
        "serve", "config-check", "plugins", "check", "keys", "version"}
