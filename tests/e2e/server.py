"""A serval process under test."""
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SERVAL_BIN", ROOT / "build/bin/serval"))
MODELS = Path(os.environ.get("SERVAL_MODELS", ROOT / "models"))
MODEL = "smollm2-135m-instruct"


given_ports = set()


def free_port():
    """One that was not given before, below those that the system gives to outgoing connections: until
    the server has it, any of the clients here could be given it."""
    while True:
        port = random.randrange(10_000, 32_000)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port


class Server:
    def __init__(self, folder, config="", models=None, env=None, log=None, arguments=()):
        self.folder = Path(folder)
        self.port = free_port()
        self.admin_port = free_port()
        if models is None:
            models = f'[[model]]\nname = "{MODEL}"\nplugin = "org.serval.llm"\n' \
                     f'path = "{MODELS / MODEL}"\n'
        self.config = self.folder / "serval.toml"
        self.config.write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port}"\nadmin = "127.0.0.1:{self.admin_port}"\n'
            f'cache_dir = "{self.folder / "cache"}"\ndrain_notice = "0s"\n{config}\n{models}\n')
        self.env = {**os.environ, **(env or {})}
        self.log_path = log or self.folder / "serval.log"
        self.arguments = list(arguments)
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self):
        return f"http://127.0.0.1:{self.admin_port}"

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", self.config, *self.arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"serval ended with {self.process.returncode}:\n{self.log()}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s:\n{self.log()}")

    def stop(self, seconds=40):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"serval did not stop within {seconds} s:\n{self.log()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return Path(self.log_path).read_text(errors="replace")[-4000:]

    def rss(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def metric(self, name, **labels):
        """The sum of a metric's samples whose labels hold the given ones."""
        total = 0.0
        for line in httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total += float(value)
        return total

    def requests(self):
        """How many run or wait."""
        return self.metric("serval_running") + self.metric("serval_waiting")

    def wait_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.05)
        raise AssertionError(f"{what}: not after {seconds} s:\n{self.log()}")

    def wait_idle(self, seconds=20):
        self.wait_until(lambda: self.requests() == 0, "no request runs", seconds)

    def model(self, name=MODEL):
        """What the admin API says of a model."""
        models = httpx.get(f"{self.admin}/admin/models", timeout=60).json()["models"]
        return next(model for model in models if model["name"] == name)

    def answers(self):
        """The server is healthy: it answers a question."""
        reply = httpx.post(f"{self.url}/v1/chat/completions", timeout=60, json={
            "model": MODEL, "temperature": 0, "max_tokens": 20,
            "messages": [{"role": "user", "content": "Write one sentence about cats."}]})
        assert reply.status_code == 200, reply.text
        assert "cat" in reply.json()["choices"][0]["message"]["content"]
