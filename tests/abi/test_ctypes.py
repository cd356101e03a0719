"""The C ABI from Python: its layout, and a small host that runs the echo plugin through it.

    test_ctypes.py LAYOUT_PROGRAM [PLUGIN.so]
"""

import ctypes as c
import subprocess
import sys
import threading
import time
import unittest

import mirror as m

LAYOUT_PROGRAM = sys.argv[1]
PLUGIN = sys.argv[2] if len(sys.argv) > 2 else None


def as_str(data):
    return m.serval_str(c.cast(c.c_char_p(data), c.c_void_p), len(data))


def bytes_of(s):
    return c.string_at(s.p, s.n) if s.n else b""


class Layout(unittest.TestCase):
    def test_every_struct_and_field(self):
        lines = subprocess.run([LAYOUT_PROGRAM], check=True, capture_output=True, text=True).stdout
        seen = set()
        for line in lines.splitlines():
            name, value = line.split()
            struct, _, field = name.partition(".")
            mirrored = getattr(m, struct)
            found = getattr(mirrored, field).offset if field else c.sizeof(mirrored)
            self.assertEqual(found, int(value), name)
            seen.add(struct)
        mirrored = {n for n, v in vars(m).items()
                    if n.startswith("serval_") and issubclass(v, c.Structure)}
        self.assertEqual(seen, mirrored)


class Request:
    def __init__(self, op, params, inputs):
        self.texts = [op, params, *inputs]
        self.cancel = c.c_uint32(0)
        self.slices = (m.serval_slice * len(inputs))(
            *(m.serval_slice(c.cast(c.c_char_p(i), c.c_void_p), len(i), 0, 0) for i in inputs))
        self.view = m.serval_request_view(
            size=c.sizeof(m.serval_request_view), n_inputs=len(inputs), id=1,
            cancel_word=c.pointer(self.cancel), op=as_str(op), params_json=as_str(params),
            inputs=c.cast(self.slices, c.POINTER(m.serval_slice)))
        self.events = []
        self.code = None
        self.message = self.param = self.usage = b""
        self.done = threading.Event()


class Host:
    """One model, one request at a time; request handles are indices from 1."""

    def __init__(self):
        self.changed = threading.Condition()
        self.waiting, self.requests = [], []
        self.woken = self.closing = False
        self.beats = 0
        self.table = m.serval_host(
            size=c.sizeof(m.serval_host), abi_major=1, abi_minor=0, ctx=None, name=b"python",
            version=b"1", get_ext=m.GetExt(lambda host, ext: None),
            log=m.Log(lambda *line: None), now_ns=m.NowNs(lambda host: time.monotonic_ns()),
            pull=m.Pull(self.pull), wake=m.Wake(self.wake),
            view=m.View(lambda r: c.addressof(self.requests[r - 1].view)),
            emit=m.Emit(self.emit), finish=m.Finish(self.finish), beat=m.Beat(self.beat))

    def submit(self, request):
        with self.changed:
            self.requests.append(request)
            self.waiting.append(len(self.requests))
            self.changed.notify_all()
        return request

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()

    def pull(self, model, budget, out, capacity):
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.woken or self.closing,
                                  budget.contents.wait_ns / 1e9)
            self.woken = False
            if self.closing:
                return -9
            n = min(len(self.waiting), capacity, budget.contents.max_requests)
            for i in range(n):
                out[i] = self.waiting.pop(0)
            return n

    def wake(self, model):
        with self.changed:
            self.woken = True
            self.changed.notify_all()

    def emit(self, request, event):
        e = event.contents
        self.requests[request - 1].events.append(
            (e.kind, e.index, e.flags, c.string_at(e.data.data, e.data.len), bytes_of(e.meta_json)))
        return 0

    def finish(self, request, how):
        r, f = self.requests[request - 1], how.contents
        r.code, r.usage = f.code, bytes_of(f.usage_json)
        if f.error:
            r.message, r.param = f.error.contents.message, f.error.contents.param
        r.done.set()

    def beat(self, model, step, running):
        self.beats += 1


@unittest.skipUnless(PLUGIN, "no plugin given")
class Plugin(unittest.TestCase):
    def setUp(self):
        self.library = c.CDLL(PLUGIN)
        self.entry = m.serval_entry.in_dll(self.library, "serval_entry_v1")
        self.host = Host()
        self.error = m.serval_error(size=c.sizeof(m.serval_error))
        made = self.entry.create(self.host.table, self.error)
        self.assertTrue(made, self.error.message)
        self.plugin = made.contents

    def tearDown(self):
        self.plugin.destroy(self.plugin.self)

    def test_entry(self):
        d = self.entry.descriptor.contents
        self.assertEqual((self.entry.magic, self.entry.abi_major), (0x4C565253, 1))
        self.assertEqual(d.id, b"org.serval.examples.echo")
        self.assertIn(b"echo", [d.ops[i] for i in range(d.n_ops)])

    def test_schema_extension(self):
        self.assertIsNone(self.plugin.get_ext(self.plugin.self, b"no.such/1"))
        found = self.plugin.get_ext(self.plugin.self, b"serval.schema/1")
        schema = c.cast(found, c.POINTER(m.serval_ext_schema)).contents
        self.assertIn(b'"object"', schema.model_config(self.plugin.self))

    def test_a_whole_life(self):
        config = m.serval_model_config(size=c.sizeof(m.serval_model_config), name=as_str(b"echo"),
                                       config_json=as_str(b"{}"))
        resource, n = m.serval_resource(), m.u32(0)
        self.assertEqual(self.plugin.model_probe(self.plugin.self, config, resource, 1, n,
                                                 self.error), 0)
        self.assertEqual(n.value, 1)
        self.assertGreater(resource.steady, 0)
        model = m.ptr()
        self.assertEqual(self.plugin.model_open(self.plugin.self, config, 1, model, self.error), 0)
        self.assertEqual(self.plugin.model_start(model, self.error), 0)

        good = self.host.submit(Request(b"echo", b'{"repeat":3}', [b"a", "\u00e9".encode()]))
        self.assertTrue(good.done.wait(60))
        self.assertEqual(good.code, 0)
        self.assertEqual(b"".join(e[3] for e in good.events), "a\u00e9a\u00e9a\u00e9".encode())

        bad = self.host.submit(Request(b"echo", b'{"repeat":0}', [b"a"]))
        self.assertTrue(bad.done.wait(60))
        self.assertEqual((bad.code, bad.param), (3, b"repeat"))

        health = m.serval_health(size=c.sizeof(m.serval_health))
        self.assertEqual(self.plugin.model_health(model, health), 0)
        self.assertEqual(health.state, 0)
        self.plugin.model_signal(model, 1, 12345)
        self.host.close()
        self.assertEqual(self.plugin.model_quiesce(model, 0), 0)
        self.plugin.model_close(model)
        self.assertGreater(self.host.beats, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
