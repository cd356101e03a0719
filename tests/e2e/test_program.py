"""The program itself: commands, TLS, signals, a plugin of someone else."""
import hashlib
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from server import BINARY, MODEL, MODELS, ROOT, free_port

ECHO = f'[[model]]\nname = "echo"\nplugin = "org.serval.examples.echo"\npath = "{ROOT}/README.md"\n'
EXAMPLES = f'[plugins]\ndir = "{ROOT}/build/lib/serval/examples"\n'


def run(*arguments, **kwargs):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=120, **kwargs)


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
                   check=True, capture_output=True)
    (folder / "tls.key").chmod(0o600)


def test_commands():
    assert "serve" in run("--help").stdout
    assert run("version").stdout.startswith("serval 0.1.0")
    listed = run("plugins")
    assert listed.returncode == 0 and "org.serval.llm" in listed.stdout
    wrong = run("srve")
    assert wrong.returncode == 2 and "serve" in wrong.stderr


def test_plugins_says_why_it_refuses_each_file(tmp_path):
    whole = (ROOT / "build/lib/serval/plugins/llm.so").read_bytes()
    newer = whole.replace(b"SRVL\x01\x00", b"SRVL\x63\x00")
    assert newer != whole
    for name, data in {"good": whole, "junk": b"not an ELF file", "cut": whole[:5000],
                       "newer": newer, "other": Path("/bin/true").read_bytes()}.items():
        (tmp_path / f"{name}.so").write_bytes(data)
    done = run("plugins", "--dir", tmp_path)
    assert done.returncode == 1
    listed, refused = [], {}
    for line in done.stdout.splitlines():
        words = line.split()
        if words[0] == "refused":
            refused[Path(words[1].rstrip(":")).stem] = line
        else:
            listed.append(words)
    assert listed[0] == ["ID", "VERSION", "ABI", "CPU", "SHA256", "PATH"]
    assert [row[:4] for row in listed[1:]] == [["org.serval.llm", "0.1.0", "1.0", "any"]]
    assert hashlib.sha256(whole).hexdigest().startswith(listed[1][4])
    assert "not an ELF file" in refused["junk"]
    assert "a segment ends behind the file" in refused["cut"]
    assert "needs plugin ABI 99, this host has 1" in refused["newer"]
    assert "no Serval note" in refused["other"]


def test_config_check_names_every_error_at_once(tmp_path):
    """Those of the file's own keys, of what it names, and of a plugin's settings."""
    config = tmp_path / "serval.toml"
    config.write_text(f"""[server]
listen = "nowhere"
listne = 1
[auth]
keys_file = "keys"
[limits]
body = "-1"
[[model]]
name = "m"
plugin = "org.serval.llm"
path = "{MODELS / MODEL}"
[model.config]
sequences = 0
threds = 2
[[model]]
name = "n"
plugin = "org.serval.ocr"
path = "missing.gguf"
""")
    done = run("config-check", "--config", config, "--set", "log.level=loud")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if not line.startswith("plugin ")]
    wanted = [
        (f"{config}:2:10: server.listen: ", "nowhere", "no port"),
        (f"{config}:3:1: server.listne: ", "unknown key; did you mean server.listen?"),
        (f"{config}:7:8: limits.body: ", "want a size", "from 1KiB to 64GiB"),
        ("--set log.level=loud: log.level: ", "want debug, info, warn or error"),
        ("auth.keys_file: ", f"{tmp_path}/keys: cannot open"),
        (f"{config}:13:13: model m: config.sequences: ", "is 0, want at least 1"),
        (f"{config}:14:10: model m: config.threds: ", "did you mean threads?"),
        (f"{config}:15:1: model n: path: ", "missing.gguf"),
        (f"{config}:15:1: model n: plugin: ", "org.serval.ocr", "want one of: org.serval.bei, org.serval.llm, org.serval.whisper"),
    ]
    assert len(lines) == len(wanted), done.stdout
    for line, (place, *parts) in zip(lines, wanted):
        assert line.startswith(place) and all(part in line for part in parts), line


def test_busy_port_is_named(own_server, tmp_path):
    first = own_server(EXAMPLES, models=ECHO).start()
    done = run("serve", "--config", first.config)
    assert done.returncode == 1
    assert str(first.port) in done.stdout + done.stderr


def test_set_overrides_the_file(own_server):
    server = own_server(EXAMPLES, models=ECHO)
    server.port = free_port()
    server.arguments = ["--set", f"server.listen=127.0.0.1:{server.port}"]
    server.start()
    assert httpx.get(f"{server.url}/livez").status_code == 200


def test_tls_and_its_reload(own_server, tmp_path):
    certificate(tmp_path, "one")
    server = own_server(
        EXAMPLES + f'[tls]\ncert = "{tmp_path}/tls.crt"\nkey = "{tmp_path}/tls.key"\n', models=ECHO)
    server.start(ready=False)
    url = f"https://127.0.0.1:{server.port}"

    def ask():
        context = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
        with httpx.Client(verify=context) as client:
            return client.post(f"{url}/v1/completions",
                               json={"model": "echo", "prompt": "a b", "max_tokens": 5}, timeout=10)
    end = time.monotonic() + 20
    reply = None
    while reply is None or (reply.status_code == 503 and time.monotonic() < end):
        try:
            reply = ask()
        except httpx.TransportError:
            assert time.monotonic() < end, server.log()
        time.sleep(0.1)
    assert reply.json()["choices"][0]["text"] == "a b"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{server.port}/livez", timeout=5)
    certificate(tmp_path, "two")
    server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while True:
        try:
            assert ask().status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < end, server.log()
            time.sleep(0.1)
    assert server.stop() == 0


def test_http_of_the_program(own_server):
    """Keep-alive, pipelining, chunked bodies, Expect, request ids; nothing is compressed."""
    server = own_server(EXAMPLES, models=ECHO).start()
    body = b'{"model":"echo","prompt":"a b","max_tokens":5}'
    head = (b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Accept-Encoding: gzip\r\nx-request-id: mine-1\r\n")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))

    def answers(connection, count):
        data = b""
        while data.count(b"HTTP/1.1 200 OK") < count or data.count(b'"text":"a b"') < count:
            more = connection.recv(65536)
            assert more, data
            data += more
        return data
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
                           + (head + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 2)
        data = answers(connection, 3).lower()
        assert data.count(b"x-request-id: mine-1\r\n") == 3 and b"content-encoding" not in data
        connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        answers(connection, 1)
    assert server.stop() == 0


def test_unix_socket(own_server, tmp_path):
    server = own_server(EXAMPLES, models=ECHO,
                        arguments=["--set", f'server.admin=unix:{tmp_path}/admin.sock']).start()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(tmp_path / "admin.sock"))) as client:
        assert client.get("http://x/admin/models").json()["models"][0]["name"] == "echo"
    assert server.stop() == 0


@pytest.mark.parametrize("notice", ["0s", "1h"])
def test_a_second_signal_does_not_wait(own_server, notice):
    server = own_server(arguments=["--set", f"server.drain_notice={notice}"]).start()
    with httpx.stream("POST", f"{server.url}/v1/completions", timeout=60, json={
            "model": MODEL, "prompt": "x", "max_tokens": 8000, "stream": True,
            "ignore_eos": True}) as reply:
        lines = reply.iter_lines()  # kept: its end would close the connection
        next(lines)
        server.process.terminate()
        time.sleep(0.5)
        assert server.process.poll() is None
        server.process.terminate()
        with pytest.raises(httpx.RemoteProtocolError):  # broken off, not finished
            list(lines)
        assert server.process.wait(20) == 0
    assert "left behind" not in server.log()


def test_drain_announces_itself_before_it_refuses(own_server):
    server = own_server(EXAMPLES, models=ECHO, arguments=["--set", "server.drain_notice=1h"]).start()

    def status(path):
        return httpx.get(server.url + path).status_code
    assert (status("/livez"), status("/readyz")) == (200, 200)
    assert httpx.post(f"{server.admin}/admin/drain").status_code == 202  # as SIGTERM
    server.wait_until(lambda: status("/readyz") == 503, "not ready")
    assert status("/livez") == 200
    assert "shutting down" in httpx.get(f"{server.url}/readyz").text
    reply = httpx.post(f"{server.url}/v1/completions", json={"model": "echo", "prompt": "a"})
    assert reply.status_code == 200  # balancers may still send some
    server.process.terminate()
    assert server.process.wait(20) == 0


def test_metrics_page(server):
    server.answers()
    text = httpx.get(f"{server.url}/metrics").text
    for name in ("serval_requests_total", "serval_queue_seconds_bucket",
                 "serval_first_output_seconds_bucket", "serval_inter_output_seconds_bucket",
                 "serval_plugin_decode_tokens_total", "serval_plugin_kv_blocks_total"):
        assert name in text, name
    assert server.metric("serval_requests_total", model=MODEL, code="ok") >= 1
