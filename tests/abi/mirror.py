"""The ABI's structs written down again for ctypes, by hand: if the headers were not plain C, or their
layout moved, this would not fit them any more."""

import ctypes as c

u16, u32, u64, i32, ptr, text = (
    c.c_uint16, c.c_uint32, c.c_uint64, c.c_int32, c.c_void_p, c.c_char_p)


def struct(name, fields):
    return type(name, (c.Structure,), {"_fields_": fields})


serval_str = struct("serval_str", [("p", ptr), ("n", u64)])
serval_kv = struct("serval_kv", [("key", serval_str), ("value", serval_str)])
serval_slice = struct("serval_slice", [("data", ptr), ("len", u64), ("mem", u32), ("device", i32)])
serval_error = struct("serval_error", [
    ("size", u32), ("code", i32), ("flags", u32), ("retry_after_ms", u32),
    ("message", c.c_char * 240), ("param", c.c_char * 64)])
serval_request_view = struct("serval_request_view", [
    ("size", u32), ("n_inputs", u32), ("id", u64), ("accepted_ns", u64), ("deadline_ns", u64),
    ("priority", i32), ("reserved", u32), ("cancel_word", c.POINTER(u32)), ("op", serval_str),
    ("request_id", serval_str), ("cache_namespace", serval_str), ("adapter", serval_str),
    ("traceparent", serval_str), ("params_json", serval_str), ("inputs", c.POINTER(serval_slice))])
serval_budget = struct("serval_budget", [
    ("size", u32), ("max_requests", u32), ("max_cost", u64), ("wait_ns", u64)])
serval_event = struct("serval_event", [
    ("size", u32), ("kind", u32), ("index", u32), ("flags", u32), ("data", serval_slice),
    ("meta_json", serval_str)])
serval_finish = struct("serval_finish", [
    ("size", u32), ("code", i32), ("error", c.POINTER(serval_error)), ("usage_json", serval_str)])

GetExt = c.CFUNCTYPE(ptr, ptr, text)
Log = c.CFUNCTYPE(None, ptr, u32, serval_str, ptr, u32, ptr)
NowNs = c.CFUNCTYPE(u64, ptr)
Pull = c.CFUNCTYPE(i32, ptr, c.POINTER(serval_budget), c.POINTER(ptr), u32)
Wake = c.CFUNCTYPE(None, ptr)
View = c.CFUNCTYPE(ptr, ptr)
Emit = c.CFUNCTYPE(i32, ptr, c.POINTER(serval_event))
Finish = c.CFUNCTYPE(None, ptr, c.POINTER(serval_finish))
Beat = c.CFUNCTYPE(None, ptr, u64, u64)
serval_host = struct("serval_host", [
    ("size", u32), ("abi_major", u16), ("abi_minor", u16), ("ctx", ptr), ("name", text),
    ("version", text), ("get_ext", GetExt), ("log", Log), ("now_ns", NowNs), ("pull", Pull),
    ("wake", Wake), ("view", View), ("emit", Emit), ("finish", Finish), ("beat", Beat)])

serval_model_config = struct("serval_model_config", [
    ("size", u32), ("reserved", u32), ("name", serval_str), ("path", serval_str),
    ("config_json", serval_str), ("cache_dir", serval_str)])
serval_resource = struct("serval_resource", [
    ("size", u32), ("mem", u32), ("device", i32), ("reserved", u32), ("load_peak", u64),
    ("steady", u64)])
serval_health = struct("serval_health", [
    ("size", u32), ("state", u32), ("reason", c.c_char * 128)])
serval_plugin = struct("serval_plugin", [
    ("size", u32), ("reserved", u32), ("self", ptr),
    ("destroy", c.CFUNCTYPE(None, ptr)),
    ("get_ext", c.CFUNCTYPE(ptr, ptr, text)),
    ("model_probe", c.CFUNCTYPE(i32, ptr, c.POINTER(serval_model_config), c.POINTER(serval_resource),
                                u32, c.POINTER(u32), c.POINTER(serval_error))),
    ("model_open", c.CFUNCTYPE(i32, ptr, c.POINTER(serval_model_config), ptr, c.POINTER(ptr),
                               c.POINTER(serval_error))),
    ("model_start", c.CFUNCTYPE(i32, ptr, c.POINTER(serval_error))),
    ("model_quiesce", c.CFUNCTYPE(i32, ptr, u64)),
    ("model_close", c.CFUNCTYPE(None, ptr)),
    ("model_signal", c.CFUNCTYPE(None, ptr, u32, u64)),
    ("model_health", c.CFUNCTYPE(i32, ptr, c.POINTER(serval_health)))])
serval_descriptor = struct("serval_descriptor", [
    ("size", u32), ("n_ops", u32), ("id", text), ("version", text), ("vendor", text),
    ("license", text), ("ops", c.POINTER(text)), ("description", text)])
serval_entry = struct("serval_entry", [
    ("magic", u32), ("abi_major", u16), ("abi_minor", u16), ("size", u32), ("min_host_minor", u16),
    ("reserved", u16), ("descriptor", c.POINTER(serval_descriptor)),
    ("create", c.CFUNCTYPE(c.POINTER(serval_plugin), c.POINTER(serval_host),
                           c.POINTER(serval_error)))])
serval_note = struct("serval_note", [
    ("magic", u32), ("abi_major", u16), ("abi_minor", u16), ("min_host_minor", u16),
    ("reserved", u16 * 3), ("id", c.c_char * 64), ("version", c.c_char * 32), ("cpu", c.c_char * 144)])
serval_ext_metrics = struct("serval_ext_metrics", [
    ("size", u32), ("reserved", u32), ("define", ptr), ("add", ptr), ("set", ptr), ("observe", ptr)])
serval_ext_progress = struct("serval_ext_progress", [
    ("size", u32), ("reserved", u32), ("report", ptr)])
serval_ext_schema = struct("serval_ext_schema", [
    ("size", u32), ("reserved", u32), ("model_config", c.CFUNCTYPE(text, ptr))])
