"""What browsers are asked to refuse, in the headers of every answer."""

from __future__ import annotations

# Gradio's page compiles code from strings and its 3D viewer runs workers; nothing is loaded from elsewhere but the
# script that fits the page into a Space's frame.
PAGE = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: https://cdnjs.cloudflare.com/ajax/libs/iframe-resizer/",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    )
)
FILE = "default-src 'none'; sandbox"  # a visitor's file is shown by the page, and never a page itself
STATIC = ("/assets/", "/static/", "/svelte/")  # the same for everybody


def security_headers(path: str) -> dict[bytes, bytes]:
    """Headers of the answer to a request for this path."""
    is_file = path.startswith("/gradio_api/file=")
    # Proxies and browsers would keep pictures that are deleted here, and the page under the name by which one visitor
    # asked for it, which may be a made-up one, for all others.
    kept = b"private, no-store" if is_file else b"private, no-cache"
    return {
        b"content-security-policy": (FILE if is_file else PAGE).encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        **({} if path.startswith(STATIC) else {b"cache-control": kept}),
    }
