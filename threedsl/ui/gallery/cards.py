"""What the Gallery tab shows, as HTML; pictures travel inside as data URIs."""

from html import escape

from threedsl.data.images import MAX_BYTES
from threedsl.data.listfile import Record
from threedsl.gallery.archive import LONGEST_LABEL
from threedsl.gallery.upload import MOST_PICTURES
from threedsl.ui.demo_galleries import OpenGallery
from threedsl.ui.gallery.handlers import Built, bytes_of, people_in
from threedsl.ui.sessions import MOST_PER_VISIT

MOST_SHOWN = 60  # thumbnails
MOST_SENTENCES = 5
FILES = "Pictures, or one .zip"

HELP = (
    "<p>Add photos and name the people afterwards, or add one .zip in which each folder is a person. Only you can see "
    "what you build; it is deleted when you close the page.</p>"
    "<details><summary>What else can be added</summary><ul>"
    "<li>Photos: the most prominent person of each is cut out.</li>"
    "<li>A text file that says who is who, a picture and a name on each line, such as <code>beach.jpg anna</code>; "
    "send it with its pictures. These pictures are not cropped.</li>"
    "<li>A gallery exported from this page.</li>"
    f"<li>At most {MOST_PICTURES} pictures of {MAX_BYTES // 2**20} MB each, and {MOST_PER_VISIT} galleries per visit; "
    "a gallery expires after 30 minutes of inactivity.</li></ul></details>"
)


def nothing_yet() -> str:
    """The placeholder of the galleries."""
    return '<p class="quiet">You have no gallery yet. Add pictures and press “Build gallery”.</p>'


def files_label(count_of_files: int) -> str:
    """The text above the files to build a gallery from."""
    return FILES + (f": {count(count_of_files, 'file')}" if count_of_files else "")


def status(words: str, more: str = "") -> str:
    """A line that screen readers announce when it appears."""
    return f'<div role="status" aria-live="polite"><p>{escape(words)}</p>{more}</div>'


def built_line(built: Built) -> str:
    """What became of an upload: how many pictures, and which were left out and why."""
    gallery, left_out = built.gallery, built.left_out
    done = "Imported" if built.imported else "Built"
    words = f"{done} “{gallery.title}” with {count(len(gallery.index), 'picture')}."
    twice = "".join(f"<p>{escape(sentence)}</p>" for sentence in built.copies)
    if not left_out:
        return status(words, twice)
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in left_out[:MOST_SENTENCES])
    if len(left_out) > MOST_SENTENCES:
        rows += f"<li>and {len(left_out) - MOST_SENTENCES} more</li>"
    return status(f"{words} {count(len(left_out), 'file')} left out:", f"<ul>{rows}</ul>{twice}")


def card_of(gallery: OpenGallery, saved: str = "") -> str:
    """Name, numbers and pictures of a gallery, each with a field for its person; `saved` goes next to the button."""
    people = people_in(gallery)
    facts = [
        count(len(gallery.index), "picture"),
        count(people, "person", "people") + " named" if people else "no people named",
        size_of(bytes_of(gallery)),
    ]
    rows = list(enumerate(zip(gallery.index.records, gallery.thumbnails, strict=True)))
    figures = [_figure(row, record, uri) for row, (record, uri) in rows[:MOST_SHOWN]]
    rest = [_figure(row, record, "") for row, (record, _) in rows[MOST_SHOWN:]]
    more = (
        f"<details><summary>and {count(len(rest), 'more picture')}</summary>"
        f'<ul class="thumbnails">{"".join(rest)}</ul></details>'
        if rest
        else ""
    )
    known = sorted({record.pid for record in gallery.index.records if record.pid})
    options = "".join(f'<option value="{escape(person)}"></option>' for person in known)
    return (
        f'<section class="own-gallery" aria-label="{escape(gallery.title)}"><h3>{escape(gallery.title)}</h3>'
        f'<p class="quiet">{" · ".join(facts)}</p><form data-gallery="{escape(gallery.name)}">'
        '<p class="quiet">Who is it? Write the same name under every picture of a person; matches then show it.</p>'
        f'<ul class="thumbnails">{"".join(figures)}</ul>{more}<datalist id="named-people">{options}</datalist>'
        f'<p class="save"><button type="submit" id="gallery-save">Save names</button> <span>{escape(saved)}</span></p>'
        "</form></section>"
    )


def _figure(row: int, record: Record, uri: str) -> str:
    name = escape(record.path.name)
    description = escape(f"{record.pid}, {record.path.as_posix()}" if record.pid else record.path.as_posix())
    picture = f'<img src="{uri}" alt="{description}" loading="lazy">' if uri else ""
    return (
        f'<li>{picture}<span title="{description}">{name}</span><input type="text" data-row="{row}" '
        f'value="{escape(record.pid)}" maxlength="{LONGEST_LABEL}" placeholder="Person" list="named-people" '
        f'autocomplete="off" spellcheck="false" aria-label="Person in {name}"></li>'
    )


def size_of(number: int) -> str:
    """Bytes as people read them: "12 kB", "3.4 MB"."""
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"


def count(number: int, one: str, several: str | None = None) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
