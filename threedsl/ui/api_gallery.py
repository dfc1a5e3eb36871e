"""The named endpoints /build_gallery and /galleries: their signatures and docstrings are the API's schema."""

import gradio as gr

from threedsl.ui import handlers_gallery as handlers
from threedsl.ui.service import Service
from threedsl.ui.words import in_words


def add_gallery_endpoints(service: Service, limits: dict) -> None:
    """Register both endpoints on the Blocks being built; `limits` are the concurrency arguments of what runs the
    model."""

    @in_words
    def build_gallery(files, title="", progress=gr.Progress()):
        """Build a gallery to search in, from pictures, a zip or a list file with its pictures.

        Args:
            files: picture files, or one .zip (each folder a person; or with list/gallery.txt; or a gallery exported
                from the page), or pictures and one list file (`path person camera [clothes]`). Up to 500 pictures of
                20 MB each.
            title: what to call it, up to 60 characters.

        Returns:
            gallery (the name to give to /search), title, pictures and people (numbers), left_out (a sentence for each
            of the first 100 files left out), left_out_count, and forgotten_after_seconds without use. Whoever knows
            the name may search in the gallery; it cannot be guessed and is listed nowhere.
        """
        return handlers.build_report(handlers.build(service, files, title, None, progress))

    @in_words
    def galleries():
        """List the demo galleries, which everybody may search in.

        Returns:
            a list of gallery (the name to give to /search), title and pictures (a number).
        """
        return handlers.list_galleries(service, service.shelf.choices)

    gr.Button(visible=False).click(
        build_gallery,
        [
            gr.File(label="files", file_count="multiple", visible=False),
            gr.Textbox("", label="title", visible=False),
        ],
        gr.JSON(label="gallery", visible=False),
        api_name="build_gallery",
        **limits,
    )
    gr.Button(visible=False).click(
        galleries, None, gr.JSON(label="galleries", visible=False), api_name="galleries"
    )
