#!/usr/bin/env python3
"""Golden renderings of chat templates, made by jinja2 in the environment transformers gives it.

    pip install jinja2==3.1.6
    tools/golden/chat_templates.py                     # writes tests/golden/templates/*.json
    tools/golden/chat_templates.py --check DIR OUT     # the same for the *.jinja of another folder

The environment is the one of transformers' apply_chat_template (utils/chat_template_utils.py):
ImmutableSandboxedEnvironment with trim_blocks, lstrip_blocks, loop controls, its tojson,
raise_exception, strftime_now and the generation tag.
"""

import argparse
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

import jinja_snippets

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "templates"
NOW = datetime.datetime(2025, 3, 9, 14, 5, 7)


class Generation(jinja2.ext.Extension):
    """{% generation %}: transformers notes where the assistant speaks; the text is unchanged."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _render(self, context, caller):
        return caller()


class Raised(jinja2.exceptions.TemplateError):
    pass


def raise_exception(message):
    raise Raised(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: NOW.strftime(form)
    return env


ENV = environment()


def render(source, context):
    """{"text": ...}, {"raised": the template's own message} or {"error": what Python said}."""
    try:
        return {"text": ENV.from_string(source).render(**context)}
    except Raised as e:
        return {"raised": e.message if e.message is not None else "None"}
    except Exception as e:  # pylint: disable=broad-except
        return {"error": f"{type(e).__name__}: {e}"[:200]}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a place, e.g. \"Köln\" or <Tokyo> & co.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "City and country"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
                "detail": {"type": ["string", "null"], "description": "How much to tell"},
            },
            "required": ["location"],
        },
        "return": {"type": "object", "properties": {"celsius": {"type": "number"}}},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Full text search",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "filters": {"type": "array", "items": {"type": "string"}},
                "options": {"type": "object", "properties": {"limit": {"type": "number", "default": 1.5}},
                            "additionalProperties": False},
            },
            "required": ["query", "filters"],
        },
    },
}


def call(name, arguments, ident="call12345"):
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def conversations():
    system = {"role": "system", "content": "You are a helpful assistant.\nAnswer briefly. "}
    user = {"role": "user", "content": "What is 2 + 2?"}
    reply = {"role": "assistant", "content": "4"}
    weather = {"role": "user", "content": "How is the weather in Köln?"}
    asked = {"role": "assistant", "content": "",
             "tool_calls": [call("get_weather", {"location": "Köln, DE", "days": 3, "detail": None})]}
    result = {"role": "tool", "name": "get_weather", "tool_call_id": "call12345",
              "content": "{\"celsius\": 7.5, \"sky\": \"bewölkt\"}"}
    prompt = {"add_generation_prompt": True}
    yield "one user", {"messages": [user], **prompt}
    yield "system, turns", {"messages": [system, user, reply, {"role": "user", "content": "And 3 + 3?"}], **prompt}
    yield "ends with assistant", {"messages": [system, user, reply], "add_generation_prompt": False}
    yield "content parts", {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "First part. "},
                                                  {"type": "text", "text": "Second part."}]}, reply,
                     {"role": "user", "content": [{"type": "text", "text": "Thanks"}]}], **prompt}
    yield "image part", {
        "messages": [{"role": "user", "content": [{"type": "image", "image": "a.png"},
                                                  {"type": "text", "text": "What is this?"}]}], **prompt}
    yield "tools offered", {"messages": [system, weather], "tools": [WEATHER, SEARCH], **prompt}
    yield "tool call and result", {
        "messages": [system, weather, asked, result, {"role": "assistant", "content": "It is 7.5 °C."},
                     {"role": "user", "content": "Thanks!"}], "tools": [WEATHER], **prompt}
    yield "two calls as strings", {
        "messages": [weather, {"role": "assistant", "content": None, "tool_calls": [
            call("get_weather", "{\"location\": \"Köln\"}", "abcdefgh1"),
            call("search", "{\"query\": \"雨\", \"filters\": []}", "abcdefgh2")]},
            {**result, "tool_call_id": "abcdefgh1"},
            {"role": "tool", "name": "search", "tool_call_id": "abcdefgh2", "content": "nothing"}],
        "tools": [WEATHER, SEARCH], **prompt}
    yield "unicode, empty, white space", {
        "messages": [{"role": "user", "content": "  Grüße, 世界! 😀 <b>&'\"</b>\t\n\n"}, {"role": "assistant", "content": ""},
                     {"role": "user", "content": "   "}], "add_generation_prompt": False}
    yield "thinking", {
        "messages": [user, {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"}, {"role": "user", "content": "Sure?"},
                     {"role": "assistant", "reasoning_content": "Yes.\n", "content": "Yes."},
                     {"role": "user", "content": "Really? /no_think"}],
        "enable_thinking": False, **prompt}
    yield "thinking on", {"messages": [system, user], "enable_thinking": True, "thinking": True,
                          "reasoning_effort": "high", **prompt}
    yield "two users in a row", {"messages": [user, user, reply], "add_generation_prompt": False}
    yield "assistant first", {"messages": [reply, user], **prompt}
    yield "unknown role, system last", {"messages": [user, {"role": "narrator", "content": "..."}, system], **prompt}
    yield "no messages", {"messages": [], **prompt}
    yield "documents and developer", {
        "messages": [{"role": "developer", "content": "Be kind."}, user],
        "documents": [{"doc_id": 1, "title": "A", "text": "Some text."}], "tools": [], **prompt}


SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def golden(folder):
    rows = list(conversations())
    return {
        "source": f"jinja2 {jinja2.__version__}, tools/golden/chat_templates.py",
        "conversations": [{"name": name, "context": {**SPECIAL, **context}} for name, context in rows],
        "templates": [
            {"template": path.name,
             "rendered": [render(path.read_text(encoding="utf-8"), json.loads(json.dumps({**SPECIAL, **context})))
                          for _, context in rows]}
            for path in sorted(folder.glob("*.jinja"))],
    }


def snippets():
    context = json.loads(json.dumps(jinja_snippets.CONTEXT))
    return {
        "source": f"jinja2 {jinja2.__version__}, tools/golden/chat_templates.py",
        "context": context,
        "snippets": [{"source": s, **render(s, context)} for s in jinja_snippets.SNIPPETS],
    }


def write(path, data):
    path.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(path, path.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", nargs=2, metavar=("DIR", "OUT"))
    args = parser.parse_args()
    if args.check:
        write(pathlib.Path(args.check[1]), golden(pathlib.Path(args.check[0])))
        return
    write(GOLDEN / "chat.json", golden(GOLDEN))
    write(GOLDEN / "snippets.json", snippets())


if __name__ == "__main__":
    main()
