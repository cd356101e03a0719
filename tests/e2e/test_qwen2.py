"""The qwen2 architecture with real weights; part of the long lane, whose models are large."""
import os

import httpx
import pytest

from server import MODELS

NAME = "qwen2.5-coder-0.5b-instruct"


def test_it_writes_code_alone_and_in_a_batch(own_server):
    if not (MODELS / NAME).is_dir():
        if os.environ.get("SERVAL_REQUIRE_MODELS") == "long":
            pytest.fail(f"{NAME} is absent")
        pytest.skip(f"{NAME} is absent: scripts/get-model brings it")
    server = own_server(models=f'[[model]]\nname = "{NAME}"\nplugin = "org.serval.llm"\n'
                               f'path = "{MODELS / NAME}"\n').start()

    def ask(**more):
        reply = httpx.post(f"{server.url}/v1/chat/completions", timeout=300, json={
            "model": NAME, "temperature": 0, "max_tokens": 60, **more,
            "messages": [{"role": "user", "content": "Write a Python function that adds two "
                                                     "numbers. Only code."}]})
        assert reply.status_code == 200, reply.text
        return [choice["message"]["content"] for choice in reply.json()["choices"]]

    text = ask()[0]
    assert "def " in text and "return" in text and "+" in text
    assert ask(n=3) == [text] * 3
