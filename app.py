"""The demo: `python app.py`. A Hugging Face Space runs this file."""

import argparse
import os
import sys

from threedsl.ui.uploads import keep_clean, own_folder

# Set before gradio is imported: nothing is reported to anybody, and uploads go where we sweep.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ["GRADIO_TEMP_DIR"] = str(own_folder())

import threedsl.ui.gpu  # noqa: F401  ZeroGPU wants `spaces` imported before torch
from threedsl.errors import InputError
from threedsl.pipeline import DEFAULT_CHECKPOINT, ThreeDSL
from threedsl.ui.page import build_demo, build_service, files_folder, kept_files, launch_options


def main(arguments: list[str] | None = None) -> None:
    """Load the model, open the page, then compute the demo galleries' descriptors beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT, help="folder or Hugging Face model id")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    options = parser.parse_args(arguments)
    try:
        service = build_service(ThreeDSL.from_pretrained(options.checkpoint, device=options.device))
        demo = build_demo(service)
    except InputError as error:
        print(f"app.py: {error}", file=sys.stderr)
        sys.exit(2)
    keep_clean(files_folder().parent, lambda: kept_files(demo))
    demo.launch(prevent_thread_lock=True, **launch_options())
    service.warm_up()
    demo.block_thread()


if __name__ == "__main__":
    main()
