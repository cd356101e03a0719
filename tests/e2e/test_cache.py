"""The prefix cache over HTTP: what is counted, who shares, and what a restart finds."""
import httpx
from server import MODEL, MODELS

TALK = "Here is a list of animals that live in the forest: " + ", ".join(
    f"animal number {i}" for i in range(100))


def ask(server, prompt, **more):
    reply = httpx.post(f"{server.url}/v1/completions", timeout=120, json={
        "model": MODEL, "prompt": prompt, "temperature": 0, "max_tokens": 8, **more})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    usage = body["usage"]
    return (body["choices"][0]["text"], usage["prompt_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"])


def test_the_same_prompt_again_is_cached(server):
    text, tokens, cached = ask(server, TALK)
    assert tokens > 300 and cached == 0
    assert ask(server, TALK) == (text, tokens, tokens - 1)
    assert server.metric("serval_plugin_prefix_tokens_total") >= tokens - 1


def test_salts_share_nothing(server):
    prompt = "A salted one. " + TALK
    text, tokens, cached = ask(server, prompt, cache_salt="one")
    assert cached == 0
    assert ask(server, prompt, cache_salt="two") == (text, tokens, 0)
    assert ask(server, prompt) == (text, tokens, 0)
    assert ask(server, prompt, cache_salt="one") == (text, tokens, tokens - 1)


def test_bad_salts_are_refused(server):
    for salt in (1, ["a"], "x" * 129):
        reply = httpx.post(f"{server.url}/v1/completions", json={
            "model": MODEL, "prompt": "a", "cache_salt": salt})
        assert reply.status_code == 400
        assert reply.json()["error"]["param"] == "cache_salt"


def test_a_talk_pays_for_its_new_tokens_only(server):
    def chat(messages):
        reply = httpx.post(f"{server.url}/v1/chat/completions", timeout=120, json={
            "model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 24})
        assert reply.status_code == 200, reply.text
        return reply.json()

    messages = [{"role": "user", "content": "Tell me something about the moon. " + TALK}]
    first = chat(messages)
    answer = first["choices"][0]["message"]["content"]
    messages += [{"role": "assistant", "content": answer},
                 {"role": "user", "content": "And about the sun?"}]
    second = chat(messages)["usage"]
    # The last token of the answer was drawn, but never computed.
    known = first["usage"]["prompt_tokens"] + first["usage"]["completion_tokens"] - 1
    assert second["prompt_tokens_details"]["cached_tokens"] >= known - 1
    assert second["prompt_tokens"] > known


def test_a_restart_finds_its_cache(own_server, tmp_path):
    models = (f'[[model]]\nname = "{MODEL}"\nplugin = "org.serval.llm"\n'
              f'path = "{MODELS / MODEL}"\n[model.config]\nkv_disk_mib = 200\n')
    server = own_server(models=models).start()
    text, tokens, _ = ask(server, TALK)
    assert server.stop() == 0
    files = list((tmp_path / "cache" / "kv").rglob("*.kv"))
    assert files and all(f.stat().st_mode & 0o777 == 0o600 for f in files)
    server.start()
    assert ask(server, TALK) == (text, tokens, min(tokens // 32 * 32, tokens - 1))
    assert server.metric("serval_plugin_kv_disk_hits_total") == tokens // 32
    assert server.stop() == 0
    # A damaged file costs time, nothing else.
    for file in files:
        with open(file, "r+b") as out:
            out.seek(5000)
            out.write(b"damage")
    server.start()
    assert ask(server, TALK)[0] == text
    assert server.stop() == 0
