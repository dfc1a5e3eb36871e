"""The endpoints /build_gallery and /galleries: their signatures and docstrings are their schemas, and below them is
what they return."""

from collections.abc import Sequence

import gradio as gr

from threedsl.ui.api.endpoint import endpoint
from threedsl.ui.gallery import handlers
from threedsl.ui.gallery.handlers import Built, people_in
from threedsl.ui.service import Service
from threedsl.ui.sessions import UNTOUCHED_SECONDS


def add_gallery_endpoints(service: Service, limits: dict) -> None:
    """Register both endpoints on the Blocks being built; `limits` are the concurrency arguments of what runs the
    model."""

    @endpoint
    def build_gallery(files, title="", progress=gr.Progress()):
        """Build a gallery to search in, from pictures, a zip or a list file with its pictures.

        Args:
            files: picture files, or one .zip (each folder a person; or with list/gallery.txt; or a gallery exported
                from the page), or pictures and one list file (`path person camera [clothes]`). Up to 500 pictures of
                64 MB each.
            title: what to call it, up to 60 characters.

        Returns:
            gallery (the name to give to /search), title, pictures and people (numbers), left_out (a sentence for each
            of the first 100 files left out), left_out_count, copies (a sentence where pictures are in it more than
            once), and forgotten_after_seconds (how long it is kept without use). Whoever knows the name may search in
            the gallery; it cannot be guessed and is listed nowhere.
        """
        return built_as_json(handlers.build(service, files, title, None, progress))

    @endpoint
    def galleries():
        """List the demo galleries, which everyone may search.

        Returns:
            a list of gallery (the name to give to /search), title and pictures (a number).
        """
        return galleries_as_json(service, service.shelf.choices)

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


def built_as_json(built: Built) -> dict:
    """What the API answers to /build_gallery, as plain JSON."""
    gallery = built.gallery
    return {
        "gallery": gallery.name,
        "title": gallery.title,
        "pictures": len(gallery.index),
        "people": people_in(gallery),
        "left_out": built.left_out[:100],
        "left_out_count": len(built.left_out),
        "copies": list(built.copies),
        "forgotten_after_seconds": UNTOUCHED_SECONDS,
    }


def galleries_as_json(service: Service, names: Sequence[tuple[str, str]]) -> list[dict]:
    """(title, name) of galleries that may be used, with what they hold, as plain JSON."""
    return [
        {"gallery": name, "title": title, "pictures": service.shelf.progress(name)[1]}
        for title, name in names
    ]
