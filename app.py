"""The demo: `python app.py`. A Hugging Face Space runs this file."""

import argparse
import os

from threedsl.heap import share_arenas
from threedsl.ui.address import PORT, or_stop, server_port, stop, tidy_name
from threedsl.ui.before_import import import_gradio, pause_collection, resume_collection
from threedsl.ui.cleanup import keep_clean, own_folder

# Set before gradio is imported: no analytics, and uploads go to the folder that is cleaned. A proxy's X-Forwarded-For
# is ignored unless this variable names the proxy; uvicorn would trust any proxy on this machine.
tidy_name()
os.environ[PORT] = str(or_stop(server_port))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ["GRADIO_TEMP_DIR"] = str(own_folder())
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
share_arenas()  # before the libraries below start threads
pause_collection()
import_gradio()

import threedsl.ui.gpu  # noqa: F401  ZeroGPU needs `spaces` imported before torch
from threedsl.checkpoint.folder import DEFAULT_CHECKPOINT
from threedsl.console import show_every_name
from threedsl.data.decoding.processes import DecodingProcesses
from threedsl.data.images import decode_with
from threedsl.pipeline import ThreeDSL
from threedsl.ui.page import build_demo, build_service, files_folder, kept_files, launch_options
from threedsl.ui.security.limits import DECODED_AT_ONCE

resume_collection()


def main(arguments: list[str] | None = None) -> None:
    """Load the model, open the page, then compute the demo galleries' descriptors in the background."""
    parser = argparse.ArgumentParser(description=__doc__)
    show_every_name()  # logs quote what visitors send
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT, help="folder or Hugging Face model id")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--backend", default="auto", help="auto, torch or onnx (onnxruntime)")
    options = parser.parse_args(arguments)
    if os.name == "posix":
        decode_with(DecodingProcesses(DECODED_AT_ONCE))
    pause_collection()
    service = or_stop(
        lambda: build_service(
            ThreeDSL.from_pretrained(options.checkpoint, device=options.device, backend=options.backend)
        )
    )
    demo = or_stop(lambda: build_demo(service))
    keep_clean(files_folder().parent, lambda: kept_files(demo), demo.ledger.prune)
    try:
        demo.launch(prevent_thread_lock=True, server_port=int(os.environ[PORT]), **launch_options())
    except OSError:
        stop(f"Port {os.environ[PORT]} was taken while the page started; choose another one with {PORT}.")
    resume_collection()
    service.warm_up()
    demo.block_thread()


if __name__ == "__main__":
    main()
