"""The files behind what Gradio's components give to a handler."""

from pathlib import Path

from threedsl.errors import InputError


def path_of(upload: dict | str | None) -> Path:
    """The file behind an upload: a path, or Gradio's file as a dict.

    Raises:
        InputError: there is none, or it has been deleted since.
    """
    path = upload.get("path") if isinstance(upload, dict) else upload
    if not path:
        raise InputError("Add a photo first: upload one, paste one or take one.")
    if not Path(path).is_file():
        raise InputError("This photo has expired; please upload it again.")
    return Path(path)


def files_of(uploads: object) -> list[Path]:
    """Paths of one or several uploads: paths, or Gradio's files as dicts.

    Raises:
        InputError: none, or one that was deleted since.
    """
    listed = uploads if isinstance(uploads, list | tuple) else [uploads] if uploads else []
    paths = [upload.get("path") if isinstance(upload, dict) else upload for upload in listed]
    if not paths or not all(isinstance(path, str | Path) and str(path) for path in paths):
        raise InputError("Add pictures first, or one .zip of them.")
    if not all(Path(path).is_file() for path in paths):
        raise InputError("These files have expired; please upload them again.")
    return [Path(path) for path in paths]
