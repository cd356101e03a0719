"""scripts/ask against a small server, and what scripts/run says before it starts one."""

import socket

from fake_server import chat_events, fake_server


def ask(run_script, server, *more):
    return run_script("scripts/ask", "--port", server.server_port, *more)


def test_prints_answer_and_speed(run_script):
    with fake_server(chat_events(["Paris", " is", " it."])) as server:
        run = ask(run_script, server, "--wait", "5", "What is the capital of France?")
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("Paris is it.\n[3 tokens, ")
        assert "tokens/s" in run.stdout and "first after" in run.stdout
        request = server.requests[0]
        assert request["stream"] and request["model"] == "smollm2-135m-instruct"


def test_not_ready_in_time(run_script):
    with fake_server([], ready=503) as server:
        run = ask(run_script, server, "--wait", "0.3")
        assert run.returncode == 1 and "not ready after 0.3 s" in run.stderr


def test_error_of_the_server_is_shown(run_script):
    with fake_server([b'{"error":{"message":"no such model"}}'], status=404) as server:
        run = ask(run_script, server, "hello")
        assert run.returncode == 1 and "404" in run.stderr and "no such model" in run.stderr


def test_cut_stream_is_an_error(run_script):
    with fake_server(chat_events(["Par"])[:1]) as server:
        run = ask(run_script, server, "hello")
        assert run.returncode == 1 and "[DONE]" in run.stderr


def test_empty_answer_is_an_error(run_script):
    with fake_server(chat_events([])) as server:
        run = ask(run_script, server, "hello")
        assert run.returncode == 1 and "empty" in run.stderr


def test_run_names_a_busy_port(run_script):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        run = run_script("scripts/run", "--once", "--port", port)
        assert run.returncode == 1 and f"127.0.0.1:{port} is in use" in run.stderr


def test_run_refuses_what_it_does_not_know(run_script):
    assert run_script("scripts/run", "--twice").returncode == 2
    run = run_script("scripts/run", "--port", "70000")
    assert run.returncode == 1 and "70000" in run.stderr
