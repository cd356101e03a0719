"""Starts and stops the servers that the benchmarks talk to."""

import contextlib
import http.client
import pathlib
import resource
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERVAL = ROOT / "build/bin/serval"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port, path):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def raise_file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def running(command, port, ready_path, seconds=120, cores=None):
    """The process of a ready server; it is stopped at the end. `cores` pins it (taskset)."""
    if cores is not None:
        command = ["taskset", "--cpu-list", cores, *command]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=ROOT,
                                   preexec_fn=raise_file_limit)
        try:
            end = time.monotonic() + seconds
            while not answers(port, ready_path):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise SystemExit(f"{command[0]} did not become ready:\n{log.read()[-3000:]}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def serval(config, cores=None):
    """A Serval with this TOML (without [server]); yields (process, port)."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "serval.toml")
        path.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n'
                        f'drain_notice = "0s"\n{config}')
        command = [SERVAL, "serve", "--config", path]
        with running(command, port, "/readyz", cores=cores) as process:
            yield process, port
