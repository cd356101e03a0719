"""The measuring parts of bench/ count right."""

import argparse
import importlib
import struct

import pytest

from fake_server import chat_events, fake_server


@pytest.fixture
def bench(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "bench"))
    return importlib.import_module


def test_streams_are_counted(bench):
    load = bench("load")
    events = chat_events(["word"] * 5000)
    with fake_server(events) as server:
        seconds, streams = load.run_streams(server.server_port, "/v1/completions",
                                            [{"number": i} for i in range(4)])
        assert seconds > 0 and len(server.requests) == 4
    assert [stream.events for stream in streams] == [len(events)] * 4
    assert [stream.completion_tokens() for stream in streams] == [5000] * 4


def test_refused_stream_stops_the_benchmark(bench):
    load = bench("load")
    with fake_server([b"{}"], status=429) as server, pytest.raises(SystemExit, match="429"):
        load.run_streams(server.server_port, "/v1/completions", [{}])


def test_cut_stream_stops_the_benchmark(bench):
    load = bench("load")
    with fake_server(chat_events(["a"])[:-1]) as server, pytest.raises(SystemExit, match="DONE"):
        load.run_streams(server.server_port, "/v1/completions", [{}])


def test_first_token_is_awaited(bench):
    start = bench("start")
    with fake_server(chat_events(["a"])) as server:
        assert start.first_token(server.server_port)
        assert server.requests[0]["stream"] is True
    with fake_server([b"{}"], status=503) as server:
        assert not start.first_token(server.server_port)
    assert not start.first_token(server.server_port), "nobody listens any more"
    with fake_server([b"{}"], status=404) as server, pytest.raises(SystemExit, match="404"):
        start.first_token(server.server_port)


def test_gaps_between_tokens(bench):
    itl = bench("itl")
    with fake_server(chat_events(["word"] * 200)) as server:
        crowd = itl.Crowd()
        begin, first = itl.first_token_s(crowd, server.server_port, "m", [1, 2])
        stream = crowd.open(server.server_port, {})
        crowd.read_until(lambda: stream.events == 202)
        crowd.close()
    assert first > begin and len(stream.times) == 202
    stream.times = [1.0, 1.5, 1.5, 1.75, 9.0]
    assert stream.gaps(1.0, 2.0) == [500, 0, 250]
    assert [itl.percentile(range(200), share) for share in (0, 0.5, 0.99, 1)] == [0, 100, 198, 199]


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def tensor(name, shape, offset):
    return (text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset))


@pytest.mark.parametrize("tied", [True, False])
def test_cost_of_a_token(bench, tmp_path, tied):
    tensors = [("token_embd.weight", (8, 10), 320), ("blk.0.attn_k.weight", (8, 8), 256),
               ("blk.0.attn_norm.weight", (8,), 32)]
    if not tied:
        tensors.append(("output.weight", (8, 10), 320))
    head, offset = b"", 0
    for name, shape, size in tensors:
        head += tensor(name, shape, offset)
        offset += size
    keys = (text("a.text") + struct.pack("<I", 8) + text("x")
            + text("an.array") + struct.pack("<IIQ2i", 9, 5, 2, 1, 2)
            + text("texts") + struct.pack("<IIQ", 9, 8, 1) + text("y"))
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 3) + keys + head
                     + bytes(offset))
    assert bench("gguf_sizes").token_cost(path) == (320 + 256 + 32, 64, 8)


def test_table_of_batched_bench(bench):
    table = ("main: n_kv_max = 4096\n"
             "|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |\n"
             "|-------|--------|------|--------|----------|----------|----------|----------|\n"
             "|    64 |    128 |    8 |   1536 |    1.500 |   341.33 |    5.000 |   204.80 |\n"
             "|    64 |    128 |   16 |   3072 |    3.000 |   341.33 |    8.000 |   256.00 |\n")
    assert bench("offline").batched_speeds(table) == {8: 204.8, 16: 256.0}


def test_ratio_line(bench):
    compare = bench("compare")
    sides = {"ours": [(20.0, 1.0), (40.0, 3.0)], "theirs": [(10.0, 2.0), (10.0, 2.0)]}
    lines = compare.by_turns(["speed", "wait"], 2, lambda i: sides["ours"][i],
                             lambda i: sides["theirs"][i], [60.0, None])
    assert lines == ["RATIO speed 30.0 10.0 3.00 0.50", "RATIO wait 2.0 2.0 1.00 -"]
    lines = compare.by_turns(["ms"], 1, lambda i: [20.0], lambda i: [60.0], [5.0],
                             less_is_better=True)
    assert lines == ["RATIO ms 20.0 60.0 3.00 0.25"]


def test_figures_of_quality(bench):
    quality = bench("quality_llm")
    lines = ("some note\nkv f32 perplexity_reference 21.2 perplexity 21.3 kl_mean 0.001\n"
             "kv int8 perplexity_reference 21.2 perplexity 22 kl_mean -1e-06\n")
    rows = quality.judged(lines)
    assert list(rows) == ["f32", "int8"]
    assert rows["int8"] == {"perplexity_reference": 21.2, "perplexity": 22, "kl_mean": -1e-6}
    theirs = ("Mean PPL(Q)                   :  30.530294 ±   4.268032\n"
              "Mean PPL(base)                :  30.546226 ±   4.255973\n"
              "Mean    KLD:  -0.002695 ±   0.000097\n99.9%   KLD:   0.018457\n")
    assert quality.peer_figures(theirs) == [30.530294, -0.002695]
    with pytest.raises(SystemExit, match="no KL divergence"):
        quality.peer_figures("Final estimate: PPL = 30.6")


def test_packs_of_quality(bench, tmp_path, capsys):
    quality = bench("quality_llm")
    options = argparse.Namespace(model=None, quick=False)
    with pytest.raises(SystemExit, match="0 GGUF files, want 1"):
        quality.packs(options, tmp_path)
    files = {name: tmp_path / name / "a.gguf" for name in quality.PACKS}
    missing = files.popitem()[0]
    for file in files.values():
        file.parent.mkdir()
        file.touch()
    assert quality.packs(options, tmp_path) == list(files.items())
    assert missing in capsys.readouterr().err
    options.quick = True
    assert quality.packs(options, tmp_path) == [(quality.SMOLLM2, files[quality.SMOLLM2])]
    options.model = tmp_path / "other.gguf"
    assert quality.packs(options, tmp_path) == [("other", options.model)]


def test_f32_file_follows_its_source(bench, tmp_path, monkeypatch):
    reweigh = bench("reweigh")
    monkeypatch.setattr(reweigh, "CACHE", tmp_path)
    written = []

    def write(source, target, kind):
        written.append((source, kind))
        target.touch()
        return target

    monkeypatch.setattr(reweigh, "write", write)
    source = tmp_path / "a.gguf"
    source.write_bytes(b"1")
    first = reweigh.f32(source)
    assert reweigh.f32(source) == first and written == [(source, "F32")]
    source.write_bytes(b"22")
    assert reweigh.f32(source) != first and len(written) == 2
