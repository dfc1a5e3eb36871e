"""HTML taken apart: what a test asks of tables and drawings."""

from html.parser import HTMLParser


class Parts(HTMLParser):
    """Cells of tables by row, texts of elements, attributes of a kind of element; fails on badly nested HTML."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.attributes: dict[str, list[dict]] = {}
        self.feed(html)
        assert self.open == [], "an element stays open"

    def handle_starttag(self, tag, attrs):
        self.attributes.setdefault(tag, []).append(dict(attrs))
        if tag not in ("img", "rect", "path", "circle", "line", "polyline"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.attributes.setdefault(tag, []).append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
