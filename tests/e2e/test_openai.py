"""The official openai client against the real model."""
import concurrent.futures
import math

import openai
import pytest

QUESTION = [{"role": "user", "content": "Write one sentence about cats."}]


def chat(client, model, **kwargs):
    kwargs.setdefault("messages", QUESTION)
    kwargs.setdefault("temperature", 0)
    kwargs.setdefault("max_tokens", 40)
    return client.chat.completions.create(model=model, **kwargs)


def complete(client, model, prompt, **kwargs):
    kwargs.setdefault("temperature", 0)
    return client.completions.create(model=model, prompt=prompt, **kwargs)


def test_models(client, model):
    assert model in [m.id for m in client.models.list()]
    assert client.models.retrieve(model).id == model
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_chat(client, model):
    reply = chat(client, model)
    assert "cat" in reply.choices[0].message.content
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens > 10
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.object == "chat.completion" and reply.id.startswith("chatcmpl-")


def test_stream_gives_the_same_text(client, model):
    whole = chat(client, model)
    chunks = list(chat(client, model, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage


def test_length(client, model):
    reply = chat(client, model, max_tokens=3)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 3
    reply = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, max_completion_tokens=2)
    assert reply.usage.completion_tokens == 2


def test_deadline(client, model):
    limits = {"x-request-timeout-ms": "1500"}
    chunks = list(complete(client, model, "Once upon a time", max_tokens=8000, stream=True,
                           extra_headers=limits, extra_body={"ignore_eos": True}))
    assert "".join(c.choices[0].text for c in chunks)
    assert chunks[-1].choices[0].finish_reason == "deadline"
    with pytest.raises(openai.APIStatusError) as refused:
        complete(client, model, "word " * 6000, max_tokens=8,
                 extra_headers={"x-request-timeout-ms": "20"})
    assert refused.value.status_code == 504 and refused.value.code == "deadline_exceeded"


def test_content_parts(client, model):
    parts = [{"role": "user", "content": [{"type": "text", "text": QUESTION[0]["content"]}]}]
    assert chat(client, model, messages=parts).choices[0].message.content == \
        chat(client, model).choices[0].message.content


def test_stop_across_tokens(client, model):
    whole = complete(client, model, "1, 2, 3, 4,", max_tokens=24).choices[0].text
    assert " 7, 8" in whole
    reply = complete(client, model, "1, 2, 3, 4,", max_tokens=24, stop=["never", " 7, 8"])
    assert reply.choices[0].text == whole.split(" 7, 8")[0]
    assert reply.choices[0].finish_reason == "stop"
    streamed = complete(client, model, "1, 2, 3, 4,", max_tokens=24, stop=" 7, 8", stream=True)
    assert "".join(c.choices[0].text for c in streamed) == whole.split(" 7, 8")[0]


def test_n_and_seed(client, model):
    def draw(seed):
        reply = chat(client, model, n=3, temperature=1.3, seed=seed, max_tokens=16)
        assert [c.index for c in reply.choices] == [0, 1, 2]
        return [c.message.content for c in reply.choices]
    first = draw(5)
    assert draw(5) == first
    assert draw(6) != first
    assert len(set(first)) > 1


def test_chat_logprobs(client, model):
    reply = chat(client, model, logprobs=True, top_logprobs=4)
    content = reply.choices[0].logprobs.content
    assert "".join(t.token for t in content) == reply.choices[0].message.content
    for token in content:
        assert len(token.top_logprobs) == 4
        assert token.logprob <= 0
        assert token.logprob == token.top_logprobs[0].logprob  # greedy
        assert bytes(token.bytes).decode() == token.token
    streamed = [t.token for c in chat(client, model, logprobs=True, stream=True)
                if c.choices and c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert streamed == [t.token for t in content]


def test_completion_echo_gives_a_perplexity(client, model):
    text = "The quick brown fox jumps over the lazy dog."
    reply = complete(client, model, text, max_tokens=0, echo=True, logprobs=2).choices[0]
    logprobs = reply.logprobs
    assert reply.text == text and "".join(logprobs.tokens) == text
    assert logprobs.token_logprobs[0] is None
    assert all(v < 0 for v in logprobs.token_logprobs[1:])
    assert logprobs.text_offset == [len("".join(logprobs.tokens[:i]))
                                    for i in range(len(logprobs.tokens))]
    assert len(logprobs.top_logprobs[1]) in (2, 3)
    perplexity = math.exp(-sum(logprobs.token_logprobs[1:]) / (len(logprobs.tokens) - 1))
    assert 1 < perplexity < 200
    nonsense = complete(client, model, " ".join(reversed(text.split())), max_tokens=0, echo=True,
                        logprobs=0).choices[0].logprobs.token_logprobs[1:]
    assert perplexity * 5 < math.exp(-sum(nonsense) / len(nonsense))


def test_several_prompts_and_token_ids(client, model):
    reply = complete(client, model, ["1, 2, 3,", "a, b, c,"], max_tokens=6, n=2, extra_body={})
    assert [c.index for c in reply.choices] == [0, 1, 2, 3]
    assert reply.choices[0].text == reply.choices[1].text != reply.choices[2].text
    ids = complete(client, model, [33, 28, 216, 34, 28], max_tokens=4)
    assert ids.usage.prompt_tokens == 5
    batch = complete(client, model, [[33, 28], [34, 28, 33]], max_tokens=2)
    assert len(batch.choices) == 2 and batch.usage.prompt_tokens == 5


def test_sampling_parameters(client, model):
    greedy = chat(client, model).choices[0].message.content
    assert chat(client, model, temperature=2, extra_body={"top_k": 1}).choices[0].message.content == greedy
    assert chat(client, model, temperature=1, top_p=0.0001).choices[0].message.content == greedy
    assert chat(client, model, temperature=1,
                extra_body={"min_p": 1.0}).choices[0].message.content == greedy
    banned = chat(client, model, logit_bias={"504": -100, "33783": -100, "7042": -100})
    assert banned.choices[0].message.content != ""
    long = complete(client, model, "la la la la la", max_tokens=30).choices[0].text
    for change in ({"frequency_penalty": 2.0}, {"presence_penalty": 2.0},
                   {"extra_body": {"repetition_penalty": 1.8}}):
        assert complete(client, model, "la la la la la", max_tokens=30, **change).choices[0].text != long
    ignored = chat(client, model, max_tokens=60, extra_body={"ignore_eos": True})
    assert ignored.usage.completion_tokens == 60


def test_many_at_once_answer_as_one(client, model):
    prompts = [f"Count from {i}: {i}, {i + 1}," for i in range(24)]
    alone = [complete(client, model, p, max_tokens=12).choices[0].text for p in prompts]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        together = list(pool.map(
            lambda p: complete(client, model, p, max_tokens=12).choices[0].text, prompts))
    assert together == alone


@pytest.mark.parametrize("change, param", [
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"n": 0}, "n"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:,"}}]}]}, "messages"),
    ({"stop": [1, 2]}, "stop"),
    ({"extra_body": {"beams": 4}}, "beams"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"logit_bias": {"99999999": 1}}, "logit_bias"),
    ({"max_tokens": 100000}, "max_tokens"),
])
def test_bad_requests_name_the_parameter(client, model, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, model, **change)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param is not None and caught.value.param.startswith(param), caught.value
    assert param in caught.value.message


def test_wrong_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, "gpt-7")
    assert caught.value.code == "model_not_found"
    assert "gpt-7" in caught.value.message


def test_template_error_is_the_clients(client, model):
    with pytest.raises(openai.BadRequestError):
        chat(client, model, messages=[{"role": "user", "content": None}, {"role": 7}])
