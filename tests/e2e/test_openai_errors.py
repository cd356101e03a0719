"""Everything that goes wrong reaches the official client as the exception it has for it."""
import subprocess
import threading

import httpx
import openai
import pytest

from server import BINARY, MODEL, MODELS

LONG = {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 4000, "temperature": 0,
        "extra_body": {"ignore_eos": True}}


def client_of(server, key="unused", **options):
    options.setdefault("max_retries", 0)
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, timeout=120, **options)


def make_key(name, scopes):
    done = subprocess.run([BINARY, "keys", "new", "--id", name, "--scopes", scopes],
                          capture_output=True, text=True, check=True)
    key = next(word for word in done.stdout.split() if word.startswith("sv-"))
    return key, next(line for line in done.stdout.splitlines() if line.startswith(f"{name} "))


def test_keys_and_scopes(own_server, tmp_path):
    user, user_line = make_key("user", "infer")
    watcher, watcher_line = make_key("watcher", "metrics")
    keys = tmp_path / "keys"
    keys.write_text(f"{user_line}\n{watcher_line}\n")
    keys.chmod(0o600)
    server = own_server(config=f'[auth]\nkeys_file = "{keys}"\n').start()
    assert client_of(server, user).models.list().data[0].id == MODEL
    with pytest.raises(openai.AuthenticationError) as caught:
        client_of(server, "sv-wrong").models.list()
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError):
        client_of(server, watcher).models.list()
    bearer = {"authorization": f"Bearer {watcher}"}
    assert httpx.get(f"{server.url}/metrics", headers=bearer).status_code == 200
    assert httpx.get(f"{server.url}/metrics",
                     headers={"authorization": f"Bearer {user}"}).status_code == 403
    assert httpx.get(f"{server.admin}/admin/models", headers=bearer).status_code == 403
    log = server.log_path.read_text()
    assert user not in log and watcher not in log and "sv-wrong" not in log


def test_a_deadline_is_a_timeout_of_the_server(server, client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.completions.create(**LONG, extra_headers={"x-request-timeout-ms": "1"})
    assert caught.value.status_code == 504 and caught.value.code == "deadline_exceeded"
    server.wait_idle()


def test_an_error_inside_a_stream_is_raised(own_server):
    server = own_server(arguments=["--set", "server.drain_timeout=1s"]).start()
    stream = client_of(server).completions.create(**LONG, stream=True)
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            if not text:
                server.process.terminate()
            text += chunk.choices[0].text
    assert text and caught.value.code == "unavailable", caught.value
    assert server.stop() == 0


def test_a_full_queue_is_a_rate_limit_that_a_retry_gets_over(own_server):
    models = f'[[model]]\nname = "{MODEL}"\nplugin = "org.serval.llm"\npath = "{MODELS / MODEL}"\n' \
             'queue = { items = 1 }\n[model.config]\nsequences = 1\n'
    server = own_server(models=models).start()
    held = [threading.Thread(target=lambda: client_of(server).completions.create(
        **{**LONG, "max_tokens": 300})) for _ in range(2)]
    for number, thread in enumerate(held):  # one runs, one waits
        thread.start()
        server.wait_until(lambda: (server.metric("serval_running"),
                                   server.metric("serval_waiting")) == (1, number), "full")
    question = {"model": MODEL, "prompt": "1, 2, 3,", "max_tokens": 4}
    with pytest.raises(openai.RateLimitError) as caught:
        client_of(server).completions.create(**question)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert client_of(server, max_retries=60).completions.create(**question).choices[0].text
    for thread in held:
        thread.join()
    assert server.metric("serval_rejected_total", limit="items") >= 1


def test_a_model_that_is_gone(own_server):
    server = own_server().start()
    httpx.post(f"{server.admin}/admin/models/{MODEL}/unload").raise_for_status()
    server.wait_until(lambda: server.model()["state"] == "unloaded", "unloaded")
    with pytest.raises(openai.InternalServerError) as caught:
        client_of(server).completions.create(model=MODEL, prompt="a")
    assert caught.value.status_code == 503 and "not loaded" in caught.value.message
    assert client_of(server).models.list().data == []
