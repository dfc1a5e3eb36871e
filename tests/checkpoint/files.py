"""A checkpoint's files, found, replaced and changed."""

import json


def replace(path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def shards(folder):
    return sorted(folder.glob("*.safetensors"))


def with_index(folder, change):
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index)
    replace(path, json.dumps(index).encode())


def changed(**fields):
    def change(folder):
        config = json.loads((folder / "config.json").read_text()) | fields
        replace(folder / "config.json", json.dumps(config).encode())

    return change
