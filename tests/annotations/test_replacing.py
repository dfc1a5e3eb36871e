"""What a tool wrote is not replaced by what is made from it."""

from tests.data.tools import detection, parsing_png, write_results


def test_results_in_the_place_of_the_datasets_keypoints_stay(annotate, prcc):
    """AlphaPose's own have more people and more joints than those that would take their place."""
    path = write_results(
        prcc / "pose" / "alphapose-results.json", detection("cropped_rgb002.jpg"), detection("gone.jpg")
    )
    before = path.read_bytes()
    for source in (path, prcc / "pose"):
        code, out, err = annotate("--alphapose", source)
        assert (code, out) == (2, "") and "move it out of the dataset folder first" in err
        assert path.read_bytes() == before


def test_parsings_in_the_place_of_the_masks_stay(annotate, prcc):
    for picture in prcc.rglob("*.jpg"):
        parsing_png(prcc / "mask" / picture.relative_to(prcc).with_suffix(".png"), labels=18, bag=True)
    before = {path: path.read_bytes() for path in (prcc / "mask").rglob("*.png")}
    (prcc / "link").symlink_to(prcc / "mask")
    for source in (prcc / "mask", prcc / "link"):
        code, out, err = annotate("--parsing", source)
        assert (code, out) == (2, "") and "move it out of the dataset folder first" in err
    assert {path: path.read_bytes() for path in (prcc / "mask").rglob("*.png")} == before and len(before) == 6
