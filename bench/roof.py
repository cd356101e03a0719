"""Multiply-adds a second that this machine allows at most, by precision; build/bin/roof measures."""

import pathlib

import offline


def has(feature):
    """Whether the processor has it, by Linux's name."""
    return feature in pathlib.Path("/proc/cpuinfo").read_text().split()


def default_precision():
    """What dtype "auto" of the bei and whisper plugins is here."""
    return "int8" if has("avx2") else "f32"


def has_bf16():
    """Whether this machine multiplies bf16 itself."""
    return has("avx512_bf16")


def mac_rates(threads):
    """{"int8", "bf16", "f32"}; bf16 is f32's where the machine has no products of its own."""
    lines = dict(line.split() for line in offline.output(
        [offline.BIN / "roof", threads]).splitlines())
    rates = {name: float(lines[f"{name}_mac_s"]) for name in ("int8", "bf16", "f32")
             if f"{name}_mac_s" in lines}
    print("roof: " + ", ".join(f"{rate / 1e9:.0f} G {name} MAC/s" for name, rate in rates.items()),
          flush=True)
    rates.setdefault("bf16", rates["f32"])
    return rates
