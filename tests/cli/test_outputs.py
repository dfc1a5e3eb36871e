"""What a command writes replaces nothing that it reads."""

import pytest

from threedsl.cli import main

PHOTO, SAYS = "people/anna/0.png", "is read by this command and would be replaced"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["embed", "list.txt", "--out", "list.txt"], "list.txt must end in .npz"),
        (["embed", "people", "--out", "people/anna/1.png"], "1.png must end in .npz"),
        (["reconstruct", PHOTO, "--out", PHOTO], "0.png must end in .glb"),
        (["reconstruct", PHOTO, "--out", "b.glb", "--overlay", PHOTO], SAYS),
        (["reconstruct", PHOTO, "--all", "--out", "b.glb", "--overlay", "people/link.png"], SAYS),
        (["evaluate", "set", "--plot", "set/0.png"], SAYS),
        (["evaluate", "set", "--pictures", "set/0.png"], SAYS),
        (["annotate", "set", "--builtin", "--preview", "set/0.png"], SAYS),
        (["summarize", "a=run.json", "--json", "run.json"], SAYS),
    ],
)
def test_what_is_read_is_not_replaced(world, tmp_path, monkeypatch, capsys, words, sentence):
    """Each of these ended with 0, and the picture, the list or the figures were gone."""
    for name in ("people", "list.txt"):
        (tmp_path / name).symlink_to(world / name)
    picture = (world / PHOTO).read_bytes()
    (tmp_path / "set" / "list").mkdir(parents=True)
    for number, name in enumerate(("query", "gallery")):
        (tmp_path / "set" / f"{number}.png").write_bytes((world / f"people/anna/{number}.png").read_bytes())
        (tmp_path / "set" / "list" / f"{name}.txt").write_text(f"{number}.png 1 {number}\n")
    (tmp_path / "run.json").write_text("[]")
    if "people/link.png" in words:
        (tmp_path / "link.png").symlink_to(world / PHOTO)
        words = ["link.png" if word == "people/link.png" else word for word in words]
    monkeypatch.chdir(tmp_path)
    code = main(words)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "") and sentence in err.splitlines()[-1]
    assert (world / PHOTO).read_bytes() == picture == (tmp_path / "set" / "0.png").read_bytes()
    assert (tmp_path / "run.json").read_text() == "[]"


def test_what_was_written_before_may_be_replaced(run, world, tmp_path):
    overlay, words = tmp_path / "overlay.png", ["--checkpoint", world / "checkpoint", "--whole"]
    for _ in range(2):
        assert (
            run("reconstruct", world / PHOTO, "--out", tmp_path / "b.glb", "--overlay", overlay, *words)[0]
            == 0
        )
