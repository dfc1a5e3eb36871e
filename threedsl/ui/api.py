"""The named endpoints /search and /reconstruct: the functions whose signatures and docstrings are the API's schema."""

import gradio as gr

from threedsl.ui import handlers
from threedsl.ui.box_input import box_input
from threedsl.ui.service import MOST_MATCHES, Service
from threedsl.ui.words import in_words


def add_endpoints(service: Service, limits: dict) -> None:
    """Register both endpoints on the Blocks being built; `limits` are its concurrency arguments."""

    @in_words
    def search(photo, gallery, k, box=None, photos=None, progress=gr.Progress()):
        """Rank a gallery by appearance, by 3D body shape and by both, for the person in a photo.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 20 MB.
            gallery: name of a gallery.
            k: matches per ranking, 1 to 20.
            box: optional [x0, y0, x1, y1] in pixels of the upright photo; without it the most prominent person is
                taken, or the whole picture where nobody is found.
            photos: optional list of up to 4 more picture files of the same person, whose most prominent people count
                as much as the first.

        Returns:
            query (box, people found, size of the photo, notice), more (the same for each of photos), gallery, results
            (appearance, shape, combined: lists of rank, person, picture, score, same_person, which is null where nobody
            can know, same_share: the share of measured pairs with this score that were one person, null where it was
            not measured, and other_ranks: the same picture's rank in the other lists) and seconds.
        """
        return handlers.search(service, photo, gallery, k, box, progress, photos)

    @in_words
    def reconstruct(photo, box=None):
        """Reconstruct the body of the person in a photo.

        Args:
            photo: picture file (JPEG, PNG, WebP, GIF, BMP, TIFF), up to 20 MB.
            box: optional [x0, y0, x1, y1] in pixels of the upright photo.

        Returns:
            JSON (betas: 10 numbers, camera: s, tx, ty, measures: relative proportions, query, seconds), the body as
            GLB (metres, Y up, feet at 0), and the body drawn over the crop as JPEG.
        """
        return handlers.reconstruct(service, photo, box)

    def photo_input() -> gr.File:
        # gr.Image would decode the file before `load_image` can refuse it in words.
        return gr.File(label="photo", visible=False)

    names = list(service.shelf.demos)
    gr.Button(visible=False).click(
        search,
        [
            photo_input(),
            gr.Textbox(names[0], label="gallery", visible=False),
            gr.Number(5, label=f"k (1 to {MOST_MATCHES})", visible=False),
            box_input(),
            gr.File(label="photos", file_count="multiple", visible=False),
        ],
        gr.JSON(label="answer", visible=False),
        api_name="search",
        **limits,
    )
    gr.Button(visible=False).click(
        reconstruct,
        [photo_input(), box_input()],
        [
            gr.JSON(label="body", visible=False),
            gr.File(label="glb", visible=False),
            gr.File(label="overlay", visible=False),
        ],
        api_name="reconstruct",
        **limits,
    )
