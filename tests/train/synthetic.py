"""The command that makes small datasets of synthetic people."""

from train.__main__ import main

SIZE = (256, 128)
PEOPLE = 4
SETTINGS = {"--seed": "7", "--samples": "1", "--test-share": "0.5", "--wardrobe": "none"}
SMALL = SETTINGS | {
    "--people": "2",
    "--outfits": "2 2",
    "--pictures-per-outfit": "3",
    "--cameras": "4",
    "--workers": "1",
}


def words(out, options):
    """The command line."""
    return [
        "synthesize",
        "--out",
        str(out),
        *(w for name, value in options.items() for w in (name, *value.split())),
    ]


def synthesize(out, options, *flags):
    return main([*words(out, options), *flags])


def contents(folder):
    """{path: bytes} of every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
