"""The same weights in other formats, for bench/quality_llm.py: runs f32_gguf.py in an environment
of its own and keeps the F32 files in the user's cache folder."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "serval"


def check(command):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{run.stdout[-1000:]}{run.stderr[-2000:]}")


def python():
    """Python with what gguf_requirements.txt names; installed once for each version of that."""
    requirements = HERE / "gguf_requirements.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    venv = CACHE / f"gguf-{key}"
    if not (venv / "complete").exists():
        shutil.rmtree(venv, ignore_errors=True)
        check([sys.executable, "-m", "venv", venv])
        check([venv / "bin/python", "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check", "-r", requirements])
        (venv / "complete").touch()
    return venv / "bin/python"


def write(source, target, kind):
    """`source`'s weights as `kind`; SystemExit with the reason when that cannot be."""
    check([python(), HERE / "f32_gguf.py", source, target, "--type", kind])
    return target


def f32(source):
    """The F32 file of a model; a source that has changed has another one."""
    stat = source.stat()
    # The script too: what another version of it has written is not taken.
    key = hashlib.sha256(f"{source.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()
                         + (HERE / "f32_gguf.py").read_bytes()).hexdigest()[:16]
    folder = CACHE / "f32"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.stem}-{key}.gguf"
    return target if target.exists() else write(source, target, "F32")
