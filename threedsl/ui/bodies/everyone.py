"""The bodies of everyone in a group photo, in one picture that can be kept."""

import gradio as gr

from threedsl.data.images import load_image
from threedsl.errors import InputError
from threedsl.ui.bodies.view import still_picture
from threedsl.ui.errors import in_words
from threedsl.ui.newest import Newest
from threedsl.ui.search.photo import Photo
from threedsl.ui.search.query import Query
from threedsl.ui.service import Service
from threedsl.ui.uploads import path_of

BUTTON = "Show everyone as bodies"


def group_photo(query: Query | None) -> Photo | None:
    """The first photo of a query in which several people were found."""
    for photo in query.photos if query else ():
        if len(photo.found) > 1:
            return photo
    return None


def same_group(one: Query | None, two: Query | None) -> bool:
    """Whether the group photos of two queries are the same file, or both have none."""
    digests = {photo and photo.digest for photo in (group_photo(one), group_photo(two))}
    return len(digests) == 1


def everyone_button() -> tuple[gr.Button, gr.Image]:
    """The button, and the picture that it fills; both hidden until there is a group."""
    button = gr.Button(BUTTON, size="sm", visible=False, elem_id="everyone-button")
    picture = still_picture("Everyone in the photo", "everyone", None)
    picture.visible = False
    return button, picture


def everyone_values(query: Query | None) -> list:
    """The button, offered for a group alone, and no picture: it is of earlier photos."""
    group = group_photo(query) is not None
    return [gr.Button(visible=group), gr.Image(value=None, visible=False)]


def add_everyone(
    service: Service, button: gr.Button, picture: gr.Image, inputs: list[gr.State], limits: dict
) -> None:
    """Pressing `button` draws the bodies of everyone in the group photo; `inputs` are the query, and which photos were
    read last."""

    @in_words
    def draw(shown: Query | None, photos: Newest):
        is_newest = photos.watch()
        photo = group_photo(shown)
        if photo is None:
            raise InputError("This search has expired; please search again.")
        drawn = service.everyone(load_image(path_of(str(photo.path)), name=photo.path.name))
        if drawn is None:
            raise InputError("No person was found in this photo; use another photo.")
        return gr.Image(value=service.write_picture(drawn), visible=True) if is_newest() else gr.skip()

    button.click(draw, inputs, picture, show_progress_on=button, api_visibility="private", **limits)
