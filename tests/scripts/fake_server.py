"""An OpenAI-like server in a thread, for the clients of scripts/ and bench/."""

import contextlib
import http.server
import json
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(self.server.ready)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.send_response(self.server.status)
        self.send_header("Connection", "close")
        self.end_headers()
        for event in self.server.events:
            self.wfile.write(b"data: " + event + b"\n\n")
            self.wfile.flush()


def chat_events(words):
    events = [json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}) for word in words]
    usage = {"prompt_tokens": 3, "completion_tokens": len(words)}
    events.append(json.dumps({"choices": [], "usage": usage}))
    return [event.encode() for event in events] + [b"[DONE]"]


@contextlib.contextmanager
def fake_server(events, status=200, ready=200):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.events, server.status, server.ready, server.requests = events, status, ready, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
