import openai
import pytest

from server import MODEL, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("serval")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_server(tmp_path):
    """Makes servers that this test alone uses; stops them afterwards."""
    made = []

    def make(*args, **kwargs):
        made.append(Server(tmp_path, *args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.kill()


@pytest.fixture(scope="session")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.fixture(scope="session")
def model():
    return MODEL
