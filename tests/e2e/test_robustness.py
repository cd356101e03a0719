"""What goes wrong around the server leaves it healthy."""
import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import httpx
import pytest

from server import BINARY, MODEL, MODELS

LONG = {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 2000, "temperature": 0,
        "stream": True, "ignore_eos": True}


def raw_request(body, path="/v1/completions"):
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def test_kill_and_restart(own_server):
    server = own_server().start()
    with httpx.stream("POST", f"{server.url}/v1/completions", json=LONG, timeout=60) as reply:
        lines = reply.iter_lines()  # kept: its end would close the connection
        next(lines)
        server.kill()
    server.start()
    server.answers()
    assert server.stop() == 0


def test_drain_finishes_what_runs(own_server):
    server = own_server().start()
    body = {**LONG, "max_tokens": 60}
    with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=60) as reply:
        lines = reply.iter_lines()
        next(lines)
        server.process.terminate()
        rest = list(lines)
    assert "data: [DONE]" in rest
    assert server.stop() == 0


def test_200_clients_disconnect(server):
    server.answers()
    before = server.fds()
    sockets = []
    for i in range(200):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(raw_request({**LONG, "prompt": f"Story {i}"}))
        sockets.append(s)
        if len(sockets) == 50:
            time.sleep(0.1)
            for one in sockets:
                one.close()
            sockets = []
    server.wait_idle(30)
    server.answers()
    assert server.fds() <= before + 5


def test_slow_reader_costs_its_own_buffer(server):
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(raw_request({**LONG, "logprobs": 20, "max_tokens": 4000}))
    time.sleep(0.5)
    before = server.rss()
    for _ in range(3):
        server.answers()
    assert server.rss() - before < 64 << 20
    slow.close()
    server.wait_idle()


MALFORMED = [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00\x01\x02\xff" * 64,
    b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"b" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n bad: fold\r\n\r\n",
]


@pytest.mark.parametrize("data", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_http(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            reply = s.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            reply = b""
        assert reply == b"" or reply.split(b" ")[1][:1] == b"4" or b" 505 " in reply, reply
    assert httpx.get(f"{server.url}/livez").status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"model": 7}', b'{"model":"x","model":"y"}', b"\xff\xfe",
    b"[" * 100_000, b'{"model":"' + MODEL.encode() + b'"}',
    b'{"model":"' + MODEL.encode() + b'","messages":"hi"}',
])
def test_bad_bodies(server, body):
    reply = httpx.post(f"{server.url}/v1/chat/completions", content=body,
                       headers={"content-type": "application/json"})
    assert reply.status_code in (400, 404)
    assert reply.json()["error"]["message"]
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_truncated_model_file_is_named_and_the_rest_serves(own_server, tmp_path):
    bad = tmp_path / "cut.gguf"
    source = next((MODELS / MODEL).glob("*.gguf"))
    with open(source, "rb") as whole:
        bad.write_bytes(whole.read(5_000_000))
    models = "".join(
        f'[[model]]\nname = "{name}"\nplugin = "org.serval.llm"\npath = "{path}"\n'
        for name, path in ((MODEL, MODELS / MODEL), ("cut", bad)))
    server = own_server(models=models).start(ready=False)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            states = {m["name"]: m for m in
                      httpx.get(f"{server.admin}/admin/models").json()["models"]}
            if states["cut"]["state"] == "failed" and states[MODEL]["state"] == "ready":
                break
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    assert states["cut"]["state"] == "failed", states
    assert "cut.gguf" in states["cut"]["reason"]
    server.answers()
    reply = httpx.post(f"{server.url}/v1/completions", json={"model": "cut", "prompt": "x"})
    assert reply.status_code == 503
    assert httpx.get(f"{server.url}/readyz").status_code == 503
    assert server.stop() == 0


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(own_server):
    server = own_server(config='[limits]\nmemory = "50MiB"\n').start(ready=False)
    server.wait_until(lambda: server.model()["state"] == "failed", "refused")
    reason = server.model()["reason"]
    assert "to load, the memory limit leaves 50.0 MiB (52428800 bytes)" in reason
    reply = httpx.get(f"{server.url}/readyz")
    assert reply.status_code == 503 and reason in reply.text
    assert server.rss() < 100 << 20
    assert server.stop() == 0


def test_full_disk(own_server):
    """The log goes to a device that is always full."""
    server = own_server(log="/dev/full").start()
    server.answers()
    assert server.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounts a small disk")
def test_full_cache_disk(own_server, tmp_path):
    (tmp_path / "cache").mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", tmp_path / "cache"],
                           capture_output=True)
    if mount.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        (tmp_path / "cache" / "fill").write_bytes(b"x" * 4096)
        server = own_server().start()
        server.answers()
        assert server.stop() == 0
    finally:
        subprocess.run(["umount", tmp_path / "cache"], check=False)


def test_queue_full_is_429(own_server):
    models = f'[[model]]\nname = "{MODEL}"\nplugin = "org.serval.llm"\npath = "{MODELS / MODEL}"\n' \
             'queue = { items = 2 }\n[model.config]\nsequences = 1\n'
    server = own_server(models=models).start()

    def one(i):
        return httpx.post(f"{server.url}/v1/completions", timeout=120, json={
            **LONG, "stream": False, "max_tokens": 40, "prompt": f"{i}"})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(one, range(16)))
    codes = [r.status_code for r in replies]
    assert codes.count(200) >= 3 and codes.count(429) >= 1 and set(codes) == {200, 429}
    refused = next(r for r in replies if r.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["type"]
    server.answers()


def test_deadline_cuts_the_answer(server):
    reply = httpx.post(f"{server.url}/v1/completions", timeout=60,
                       headers={"x-request-timeout-ms": "1500"},
                       json={**LONG, "stream": False, "max_tokens": 8000})
    assert reply.status_code == 200
    choice, usage = reply.json()["choices"][0], reply.json()["usage"]
    assert choice["finish_reason"] == "deadline" and choice["text"]
    assert 0 < usage["completion_tokens"] < 8000
    server.wait_idle()


def test_deadline_before_the_first_token(server):
    reply = httpx.post(f"{server.url}/v1/completions", timeout=60,
                       headers={"x-request-timeout-ms": "20"},
                       json={**LONG, "stream": False, "prompt": "word " * 6000, "max_tokens": 8})
    assert reply.status_code == 504
    assert reply.json()["error"]["code"] == "deadline_exceeded"
    assert reply.headers["x-should-retry"] == "false"
    server.wait_idle()


def test_swap_without_a_failed_request(own_server):
    server = own_server().start()
    over = threading.Event()

    def ask():
        count = 0
        while not over.is_set():
            reply = httpx.post(f"{server.url}/v1/completions", timeout=120, json={
                "model": MODEL, "prompt": "1, 2,", "max_tokens": 4, "temperature": 0})
            assert reply.status_code == 200, reply.text
            count += 1
        return count
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask) for _ in range(4)]
        try:
            for loads in (2, 3):
                while (reply := httpx.post(f"{server.admin}/admin/models/{MODEL}/load",
                                           timeout=60)).status_code == 409:
                    time.sleep(0.05)  # the one before is still letting go of its old version
                assert reply.status_code == 202, reply.text
                server.wait_until(lambda: server.model()["version"] == loads, "loaded", 240)
        finally:
            over.set()
        assert all(r.result() > 0 for r in running)
    assert server.model()["version"] == 3


def test_unload_and_load(own_server):
    server = own_server().start()
    assert httpx.post(f"{server.admin}/admin/models/{MODEL}/unload").status_code in (200, 202)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        reply = httpx.post(f"{server.url}/v1/completions", json={"model": MODEL, "prompt": "x"})
        if reply.status_code != 200:
            break
        time.sleep(0.05)
    assert reply.status_code in (404, 503)
    httpx.post(f"{server.admin}/admin/models/{MODEL}/load")
    server.wait_ready()
    server.answers()


def test_no_payload_in_the_log(own_server):
    server = own_server().start()
    httpx.post(f"{server.url}/v1/completions", timeout=60, json={
        "model": MODEL, "prompt": "xyzzy-secret-prompt", "max_tokens": 8, "temperature": 0})
    server.stop()
    assert "xyzzy" not in server.log_path.read_text()


def test_keys(own_server, tmp_path):
    made = subprocess.run([BINARY, "keys", "new", "--id", "k1", "--tenant", "acme"],
                          capture_output=True, text=True, check=True).stdout
    key = next(w for w in made.split() if w.startswith("sv-"))
    line = next(part for part in made.splitlines() if part.startswith("k1 "))
    keys = tmp_path / "keys"
    keys.write_text(line + "\n")
    keys.chmod(0o600)
    server = own_server(config=f'[auth]\nkeys_file = "{keys}"\n').start()
    url = f"{server.url}/v1/models"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert httpx.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200
    assert server.stop() == 0


def test_public_address_needs_keys(tmp_path):
    config = tmp_path / "serval.toml"
    config.write_text('[server]\nlisten = "0.0.0.0:18080"\n')
    done = subprocess.run([BINARY, "config-check", "--config", config], capture_output=True, text=True)
    assert done.returncode != 0
    assert "keys_file" in done.stdout + done.stderr
