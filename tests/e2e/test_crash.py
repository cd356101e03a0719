"""What a fatal signal leaves behind: a report that names the plugin, and the signal as the status."""
import signal
import subprocess

import httpx
import pytest

from server import ROOT

CRASHES = """
#include <csignal>
#include <serval/sdk.hpp>
static serval::sdk::Result<std::string> crash(std::string_view prompt) {
  if (prompt == "now") std::raise(SIGSEGV);
  return std::string(prompt);
}
SERVAL_EXPORT_PLUGIN(serval::sdk::TextPlugin<crash>, "org.example.crash", "1.0.0",
                     SERVAL_OPS("complete"));
"""


@pytest.fixture
def crashing_server(own_server, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    source = tmp_path / "crash.cc"
    source.write_text(CRASHES)
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden",
                    f"-I{ROOT}/plugin-api/include", f"-I{ROOT}/plugin-api/cpp",
                    source, "-o", folder / "crash.so"], check=True)
    return own_server(
        f'[plugins]\ndir = "{folder}"\n',
        models=f'[[model]]\nname = "m"\nplugin = "org.example.crash"\npath = "{source}"\n').start()


def complete(server, prompt):
    return httpx.post(f"{server.url}/v1/completions", json={"model": "m", "prompt": prompt})


def test_a_crash_in_a_plugin_names_it(crashing_server):
    server = crashing_server
    assert complete(server, "later").json()["choices"][0]["text"] == "later"
    with pytest.raises(httpx.TransportError):
        complete(server, "now")
    assert server.process.wait(30) == -signal.SIGSEGV
    report = server.log()
    assert f"serval: fatal signal {int(signal.SIGSEGV)}\n" in report
    assert "serval: in plugin org.example.crash\n" in report
    server.start()  # nothing of it is in the way
    assert complete(server, "later").status_code == 200
    assert server.stop() == 0


def test_a_crash_elsewhere_blames_no_plugin(crashing_server):
    crashing_server.process.send_signal(signal.SIGABRT)
    assert crashing_server.process.wait(30) == -signal.SIGABRT
    report = crashing_server.log()
    assert f"serval: fatal signal {int(signal.SIGABRT):02}\n" in report
    assert "in plugin" not in report
