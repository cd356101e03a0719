"""Embeddings, rerank and classes through the clients people use, against the real plugin."""
import base64
import concurrent.futures
import math
import struct

import baseten_performance_client as performance
import httpx
import openai
import pytest

from server import MODELS, ROOT, Server

MINILM = "minilm"
TINY = ROOT / "tests/golden/bei"  # random weights: they show shapes and routes, not meaning
TEXTS = ["A man is playing a guitar.", "Someone plays an instrument.", "The stock market fell.",
         "x", "A bill has to be paid by the end of the month. " * 8]


def section(name, path):
    return f'[[model]]\nname = "{name}"\nplugin = "org.serval.bei"\npath = "{path}"\n'


@pytest.fixture(scope="module")
def bei(tmp_path_factory):
    models = (section(MINILM, MODELS / "all-minilm-l6-v2") + section("classes", TINY / "bert-classes")
              + section("ranker", TINY / "roberta-rerank") + section("words", TINY / "bert-words"))
    running = Server(tmp_path_factory.mktemp("bei"), models=models).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def client(bei):
    return openai.OpenAI(base_url=f"{bei.url}/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def fast(bei):
    return performance.PerformanceClient(base_url=bei.url, api_key="unused")


def in_batches(size):
    return performance.RequestProcessingPreference(batch_size=size, max_concurrent_requests=32)


def post(bei, path, **body):
    return httpx.post(bei.url + path, json=body, timeout=120)


def ok(bei, path, **body):
    reply = post(bei, path, **body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def singles(vector):
    """The f32 numbers that were meant."""
    return list(struct.unpack(f"<{len(vector)}f", struct.pack(f"<{len(vector)}f", *vector)))


def floats(client, texts, **more):
    reply = client.embeddings.create(model=MINILM, input=texts, encoding_format="float", **more)
    assert [item.index for item in reply.data] == list(range(len(reply.data)))
    return [item.embedding for item in reply.data]


def test_openai_embeddings(client):
    reply = client.embeddings.create(model=MINILM, input=TEXTS)  # the client asks for base64
    vectors = [item.embedding for item in reply.data]
    assert [len(v) for v in vectors] == [384] * len(TEXTS)
    assert all(abs(sum(x * x for x in v) - 1) < 1e-3 for v in vectors)
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.3
    assert reply.usage.prompt_tokens == reply.usage.total_tokens > 5 * len(TEXTS)
    assert reply.model == MINILM and reply.object == "list"


def test_a_text_is_the_same_alone_in_a_batch_and_in_base64(client, bei):
    together = floats(client, TEXTS)
    assert [floats(client, text)[0] for text in TEXTS] == together
    reply = ok(bei, "/v1/embeddings", model=MINILM, input=TEXTS, encoding_format="base64")
    for item, vector in zip(reply["data"], together, strict=True):
        assert list(struct.unpack("<384f", base64.b64decode(item["embedding"]))) == singles(vector)


def test_token_ids_are_the_text(client, bei):
    tokens = ok(bei, "/tokenize", inputs=TEXTS, model=MINILM)
    ids = [[token["id"] for token in text] for text in tokens]
    assert floats(client, ids) == floats(client, TEXTS)
    assert floats(client, ids[0]) == floats(client, TEXTS[0])
    assert ok(bei, "/decode", ids=ids[0], model=MINILM) == ["a man is playing a guitar."]
    assert tokens[0][0]["special"] and tokens[0][1]["start"] == 0 and tokens[0][1]["stop"] == 1


def test_dimensions(client):
    whole, cut = floats(client, TEXTS[0])[0], floats(client, TEXTS[0], dimensions=64)[0]
    assert len(cut) == 64
    assert cosine(cut, whole[:64]) > 0.99999
    assert abs(sum(x * x for x in cut) - 1) < 1e-3


@pytest.mark.parametrize("wrong, param", [
    ({"input": ""}, "input"), ({"input": []}, "input"), ({"input": ["a", ""]}, "input"),
    ({"input": "word " * 400}, "input"), ({"input": ["a"] * 2049}, "input"),
    ({"input": [30522]}, "input"), ({"dimensions": 385}, "dimensions"),
    ({"extra_body": {"prompt_name": "query"}}, "prompt_name"),
    ({"extra_body": {"no_such_key": 1}}, "no_such_key")])
def test_bad_requests_name_the_parameter(client, wrong, param):
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(**{"model": MINILM, "input": "a", **wrong})
    assert refused.value.param == param


def test_wrong_models(client):
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="no-such-model", input="a")
    with pytest.raises(openai.APIStatusError, match="classes of texts"):
        client.embeddings.create(model="classes", input="a")


def test_long_texts_are_cut_when_asked(client):
    long = "word " * 400
    cut = client.embeddings.create(model=MINILM, input=long, extra_body={"truncate": True})
    assert cut.usage.prompt_tokens == 256


def test_the_most_inputs_of_a_request(client):
    texts = [f"text {i}" for i in range(2048)]
    vectors = floats(client, texts)
    assert len(vectors) == 2048
    assert vectors[::500] == [floats(client, text)[0] for text in texts[::500]]


def test_performance_client_embeds(fast, client):
    texts = [f"{TEXTS[i % 3]} {i}" for i in range(300)]
    reply = fast.embed(texts, model=MINILM, preference=in_batches(7))
    assert [item.index for item in reply.data] == list(range(300))
    assert [len(item.embedding) for item in reply.data] == [384] * 300
    one = floats(client, texts)
    for item, vector in zip(reply.data, one, strict=True):
        assert item.embedding == singles(vector)


def test_performance_client_reranks(fast):
    reply = fast.rerank(query="Who makes music?", texts=TEXTS, return_text=True, model=MINILM)
    assert [item.score for item in reply.data] == sorted([x.score for x in reply.data], reverse=True)
    assert sorted(item.index for item in reply.data) == list(range(len(TEXTS)))
    assert all(item.text == TEXTS[item.index] for item in reply.data)
    assert {reply.data[0].index, reply.data[1].index} == {0, 1}
    # A cross-encoder's scores of pairs, in several requests.
    many = [f"text {i % 9}" for i in range(90)]
    scores = {item.index: item.score for item in
              fast.rerank(query="text", texts=many, model="ranker", preference=in_batches(16)).data}
    assert len(scores) == 90 and all(scores[i] == scores[i % 9] for i in range(90))


def test_performance_client_classifies(fast):
    # Names no model: the first one makes embeddings only, so the next that can is asked.
    reply = fast.classify(inputs=[text[:40] for text in TEXTS], preference=in_batches(2))
    assert len(reply.data) == len(TEXTS)
    for classes in reply.data:
        assert {c.label for c in classes} == {"bad", "fair", "good"}
        assert abs(sum(c.score for c in classes) - 1) < 1e-4
        assert [c.score for c in classes] == sorted([c.score for c in classes], reverse=True)


def test_performance_client_posts_batches(fast, client):
    reply = fast.batch_post(url_path="/v1/embeddings",
                            payloads=[{"model": MINILM, "input": text} for text in TEXTS])
    for answer, vector in zip(reply.data, floats(client, TEXTS), strict=True):
        assert singles(answer["data"][0]["embedding"]) == singles(vector)


def test_tei_embed(bei, client):
    assert ok(bei, "/embed", inputs=TEXTS) == floats(client, TEXTS)
    states = ok(bei, "/embed_all", inputs=TEXTS[0])
    assert len(states) == 1 and {len(row) for row in states[0]} == {384}
    assert len(states[0]) == len(ok(bei, "/tokenize", inputs=TEXTS[0])[0])
    mean = [sum(column) / len(states[0]) for column in zip(*states[0], strict=True)]
    assert cosine(mean, floats(client, TEXTS[0])[0]) > 0.999
    sparse = ok(bei, "/embed_sparse", inputs=["good cat", "cat"])  # only one model has the head
    assert len(sparse) == 2 and all(v["value"] > 0 and v["index"] >= 0 for v in sparse[0])


def test_tei_similarity_and_rerank(bei, client):
    vectors = floats(client, TEXTS)
    got = ok(bei, "/similarity", inputs={"source_sentence": TEXTS[0], "sentences": TEXTS[1:]})
    assert got == pytest.approx([cosine(vectors[0], v) for v in vectors[1:]], abs=1e-5)
    ranks = ok(bei, "/rerank", query=TEXTS[0], texts=TEXTS[1:])
    assert {r["index"]: r["score"] for r in ranks} == pytest.approx(dict(enumerate(got)), abs=1e-5)
    cohere = ok(bei, "/v2/rerank", query=TEXTS[0], documents=TEXTS[1:], top_n=2)
    assert [(r["index"], r["relevance_score"]) for r in cohere["results"]] == \
        [(r["index"], r["score"]) for r in ranks[:2]]
    raw = ok(bei, "/rerank", query="a", texts=["b", "c"], model="ranker", raw_scores=True)
    scores = ok(bei, "/rerank", query="a", texts=["b", "c"], model="ranker")
    for r, s in zip(raw, scores, strict=True):
        assert s["score"] == pytest.approx(1 / (1 + math.exp(-r["score"])), rel=1e-5)


def test_tei_predict_mixes_texts_and_pairs(bei):
    batch = ok(bei, "/predict", inputs=[["cat"], ["cat", "dog"], ["bird"]])
    assert batch == [ok(bei, "/predict", inputs="cat"), ok(bei, "/predict", inputs=["cat", "dog"]),
                     ok(bei, "/predict", inputs=["bird"])]
    assert batch[0] != batch[1]


def test_tei_info_and_health(bei):
    info = httpx.get(f"{bei.url}/info").json()
    assert info["served_model_name"] == MINILM
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    assert info["max_input_length"] == 256 and info["max_client_batch_size"] == 2048
    labels = httpx.get(f"{bei.url}/info?model=classes").json()["model_type"]["classifier"]
    assert labels["id2label"] == {"0": "bad", "1": "fair", "2": "good"}
    assert httpx.get(f"{bei.url}/health").status_code == 200


@pytest.mark.parametrize("path, body, status, kind", [
    ("/embed", {"inputs": []}, 400, "Empty"), ("/embed", {"inputs": ""}, 400, "Empty"),
    ("/embed", {"inputs": "word " * 400}, 413, "Validation"),
    ("/embed", {"inputs": [[7] * 400]}, 413, "Validation"),
    ("/embed", {"inputs": ["a"] * 2049}, 413, "Validation"),
    ("/embed", {"inputs": "a", "dimensions": 385}, 422, "Validation"),
    ("/embed", {"inputs": "a", "prompt_name": "x"}, 422, "Validation"),
    ("/predict", {"inputs": "a", "model": MINILM}, 424, "Backend"),
    ("/embed_sparse", {"inputs": "a", "model": MINILM}, 424, "Backend"),
    ("/rerank", {"query": "a", "texts": ["b"], "model": "classes"}, 424, "Backend"),
    ("/embed", {"inputs": "a", "model": "x"}, 404, "Validation")])
def test_tei_errors(bei, path, body, status, kind):
    reply = post(bei, path, **body)
    assert reply.status_code == status, reply.text
    assert reply.json()["error_type"] == kind and reply.json()["error"]


def test_overload_is_answered_with_a_result_or_429(tmp_path):
    models = section(MINILM, MODELS / "all-minilm-l6-v2") + "queue = { items = 4 }\n" \
        "[model.config]\nrequests = 2\n"
    busy = Server(tmp_path, models=models).start()
    texts = [[f"{TEXTS[0]} {i} {j}" for j in range(20)] for i in range(60)]
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        replies = list(pool.map(lambda t: post(busy, "/embed", inputs=t), texts))
    assert {r.status_code for r in replies} == {200, 429}
    for reply in replies:
        if reply.status_code == 429:
            assert reply.json()["error_type"] == "Overloaded"
            assert int(reply.headers["retry-after"]) >= 1
        else:
            assert len(reply.json()) == 20
    assert busy.stop() == 0
