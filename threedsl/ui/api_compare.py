"""The named endpoint /compare: the function whose signature and docstring are its schema."""

import gradio as gr

from threedsl.ui import handlers_compare as handlers
from threedsl.ui.box_input import box_input
from threedsl.ui.service import Service
from threedsl.ui.words import in_words


def add_compare_endpoint(service: Service, limits: dict) -> None:
    """Register the endpoint on the Blocks being built; `limits` are its concurrency arguments."""

    @in_words
    def compare(photo, other, box=None, other_box=None):
        """Compare the people in two photos: how alike they are by appearance and by 3D body shape, and where their
        bodies differ.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 20 MB.
            other: the second picture file.
            box: optional [x0, y0, x1, y1] in pixels of the upright first photo; without it the most prominent person
                is taken, or the whole picture where nobody is found.
            other_box: the same for the second photo.

        Returns:
            JSON (similarity and same_share by appearance, shape and combined: cosine similarity, and the share of
            measured pairs with this score that were one person, null where it was not measured; sentence;
            body_differences: centimetres at a common height, by region; photo and other: what was cut out of each;
            seconds), a GLB with both bodies side by side, and a GLB with both in one pose, coloured by how far apart
            they are.
        """
        return handlers.compare(service, photo, other, box, other_box)

    # gr.Image would decode the files before `load_image` can refuse them in words.
    gr.Button(visible=False).click(
        compare,
        [
            gr.File(label="photo", visible=False),
            gr.File(label="other", visible=False),
            box_input(),
            box_input("other_box"),
        ],
        [
            gr.JSON(label="comparison", visible=False),
            gr.File(label="bodies", visible=False),
            gr.File(label="differences", visible=False),
        ],
        api_name="compare",
        **limits,
    )
