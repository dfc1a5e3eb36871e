"""What the Gallery tab shows, as HTML; pictures travel inside as data URIs."""

from html import escape

from threedsl.data.images import MAX_BYTES
from threedsl.gallery.upload import MOST_PICTURES
from threedsl.ui.handlers_gallery import Built, bytes_of, people_in
from threedsl.ui.shelf import OpenGallery
from threedsl.ui.visitors import MOST_PER_VISIT

MOST_SHOWN = 60  # thumbnails
MOST_SENTENCES = 5

HELP = (
    "<p>In a .zip, each folder is a person. Only you can see what you build; it is gone when you close the page.</p>"
    "<details><summary>What else can be added</summary><ul>"
    "<li>Photos: the most prominent person of each is cut out.</li>"
    "<li>A list file with lines <code>path person camera [clothes]</code>, with its pictures or inside the .zip; "
    "these are taken whole.</li>"
    "<li>A gallery that was exported here.</li>"
    f"<li>At most {MOST_PICTURES} pictures of {MAX_BYTES // 2**20} MB each, and {MOST_PER_VISIT} galleries a visit; "
    "one that is not used for half an hour is forgotten.</li></ul></details>"
)


def nothing_yet() -> str:
    """What stands where a gallery will be."""
    return '<p class="quiet">You have no gallery yet. Add pictures and press “Build gallery”.</p>'


def status(words: str, more: str = "") -> str:
    """A line that screen readers read out when it comes."""
    return f'<div role="status" aria-live="polite"><p>{escape(words)}</p>{more}</div>'


def built_line(built: Built) -> str:
    """What became of an upload: how many pictures, and which were left out and why."""
    gallery, left_out = built.gallery, built.left_out
    done = "Imported" if built.imported else "Built"
    words = f"{done} “{gallery.title}” with {count(len(gallery.index), 'picture')}."
    if not left_out:
        return status(words)
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in left_out[:MOST_SENTENCES])
    if len(left_out) > MOST_SENTENCES:
        rows += f"<li>and {len(left_out) - MOST_SENTENCES} more</li>"
    return status(f"{words} {count(len(left_out), 'file')} left out:", f"<ul>{rows}</ul>")


def card_of(gallery: OpenGallery) -> str:
    """Name, numbers and thumbnails of a gallery."""
    people = people_in(gallery)
    facts = [
        count(len(gallery.index), "picture"),
        count(people, "person", "people") if people else "nobody named",
        size_of(bytes_of(gallery)),
    ]
    rows = zip(gallery.index.records, gallery.thumbnails, strict=True)
    figures = [
        f'<li><img src="{uri}" alt="{escape(record.path.as_posix())}" loading="lazy">'
        f"<span>{escape(record.pid or record.path.name)}</span></li>"
        for record, uri in list(rows)[:MOST_SHOWN]
    ]
    rest = len(gallery.index) - MOST_SHOWN
    more = f'<p class="quiet">and {count(rest, "more picture")}</p>' if rest > 0 else ""
    return (
        f'<section class="own-gallery" aria-label="{escape(gallery.title)}"><h3>{escape(gallery.title)}</h3>'
        f'<p class="quiet">{" · ".join(facts)}</p><ul class="thumbnails">{"".join(figures)}</ul>{more}</section>'
    )


def size_of(number: int) -> str:
    """Bytes as people read them: "12 kB", "3.4 MB"."""
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"


def count(number: int, one: str, several: str | None = None) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
