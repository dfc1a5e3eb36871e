"""Headers that cost more than they say."""

import time

import pytest

from tests.zips import crop
from threedsl.ui.security.guard import LONGEST_TYPE
from threedsl.ui.security.uploads import NO_UPLOAD


@pytest.mark.slow
def test_cookies_are_not_read(served):
    """Python before 3.11.10 and 3.12.6 takes ten seconds for this one, and nobody else was answered meanwhile."""
    http, start = served.visitor().http, time.monotonic()
    answer = http.get("gradio_api/app_id", headers={"cookie": 'a="' + "\\a" * 30_000 + '"'})
    assert answer.status_code == 200 and time.monotonic() - start < 2


def test_a_content_type_is_no_longer_than_those_of_forms(served):
    http = served.visitor().http
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n%s\r\n--x--\r\n'
    kind = 'multipart/form-data; a="%s"; boundary=x'
    for count, code in ((LONGEST_TYPE // 2, 200), (LONGEST_TYPE, 400)):
        headers = {"content-type": kind % (";" * count)}
        answer = http.post("gradio_api/upload", content=form % crop(1), headers=headers)
        assert answer.status_code == code
    assert answer.text == NO_UPLOAD
