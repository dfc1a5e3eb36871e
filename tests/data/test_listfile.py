"""List files as the release, other loaders and careless people write them."""

import random

import pytest

from threedsl.data.listfile import Record, read_list, records_from, write_list
from threedsl.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    """images/a.jpg …, with an empty list folder."""
    for name in ("a.jpg", "b.PNG", "my photo 7.jpg", "0002_c3s1_000451_03.jpg", "x.jpg y.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "list").mkdir()
    return tmp_path


def write(dataset, text, encoding="utf-8"):
    path = dataset / "list" / "gallery.txt"
    path.write_bytes(text.encode(encoding))
    return path


def test_two_to_four_columns(dataset):
    path = write(
        dataset, "images/a.jpg 7 1\nimages/b.PNG 8 2 coat\nimages/0002_c3s1_000451_03.jpg 2\nimages/a.jpg 9\n"
    )
    images = dataset / "images"
    assert read_list(path) == [
        Record(images / "a.jpg", "7", "1"),
        Record(images / "b.PNG", "8", "2", "coat"),
        Record(images / "0002_c3s1_000451_03.jpg", "2", "3"),
        Record(images / "a.jpg", "9"),
    ]


def test_spaces_windows_lines_byte_order_mark_comments_tabs_and_junk(dataset):
    lines = [
        "# a comment",
        "",
        "images/my photo 7.jpg 7 1",
        "images/x.jpg y.jpg\t8\t2\tred",
        "images/a.jpg -1 1",
        "  ",
    ]
    path = write(dataset, "\r\n".join(lines), "utf-8-sig")
    assert [(record.path.name, record.pid, record.clothes) for record in read_list(path)] == [
        ("my photo 7.jpg", "7", ""),
        ("x.jpg y.jpg", "8", "red"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("images/a.jpg 1 2 3 4 5 6 7", "7 columns after the path"),
        ("images/a.jpg", "no person after the path"),
        ("1 2 3", "no picture name"),
        ("images/missing.jpg 1 2", "does not exist"),
    ],
)
def test_malformed_lines_are_named(dataset, line, words):
    path = write(dataset, f"images/a.jpg 1 1\n\n{line}\n")
    with pytest.raises(InputError, match=words) as error:
        read_list(path)
    assert f"{path}, line 3" in str(error.value)


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xe0 picture", b"a.jpg 1\0 2\n", b"", b"# nothing\n", b"a.jpg -1\n"]
)
def test_files_that_are_no_list(dataset, data):
    path = dataset / "list" / "gallery.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"gallery\.txt"):
        read_list(path)


def test_missing_list(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_list(tmp_path / "no.txt")


def test_root_is_the_lists_folder_unless_that_is_called_list(dataset, monkeypatch):
    (dataset / "mine.txt").write_text("images/a.jpg 1\n")
    (dataset / "list" / "q.txt").write_text("images/a.jpg 1\n")
    expected = dataset / "images" / "a.jpg"
    assert (
        read_list(dataset / "mine.txt")[0].path == read_list(dataset / "list" / "q.txt")[0].path == expected
    )
    monkeypatch.chdir(dataset / "list")
    assert read_list("q.txt")[0].path == expected
    assert read_list("q.txt", root="..")[0].path.resolve() == expected


def test_round_trip_of_random_records(tmp_path):
    rng = random.Random(0)
    records = []
    for number in range(200):
        folder = "".join(rng.choices("ab .-_é1", k=rng.randint(1, 9))).strip() or "f"
        columns = [rng.choice(["7", "0012", "anna"]), str(rng.randint(0, 20)), rng.choice(["coat", "3"])]
        records.append(Record(tmp_path / folder / f"{number}.jpg", *columns[: rng.randint(2, 3)]))
    write_list(records, tmp_path / "deep" / "train.txt", root=tmp_path)
    assert str(tmp_path) not in (tmp_path / "deep" / "train.txt").read_text(encoding="utf-8")
    assert read_list(tmp_path / "deep" / "train.txt", root=tmp_path, check_files=False) == records
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["train.txt"]


@pytest.mark.parametrize("columns", [(), ("a b",), ("1", "", "coat")])
def test_labels_a_list_cannot_hold(tmp_path, columns):
    with pytest.raises(InputError, match="without spaces"):
        write_list([Record(tmp_path / "a.jpg", *columns)], tmp_path / "list.txt")
    assert not (tmp_path / "list.txt").exists()


def test_folder_of_pictures(tmp_path):
    for name in ("b.jpg", "a.JPEG", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).touch()
    assert records_from(tmp_path) == [Record(tmp_path / "a.JPEG"), Record(tmp_path / "b.jpg")]


def test_one_sub_folder_a_person(tmp_path):
    for name in ("anna/1.jpg", "anna/winter/2.png", "bea/1.jpg", ".cache/1.jpg", "loose.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [(str(record.path.relative_to(tmp_path)), record.pid) for record in records_from(tmp_path)] == [
        ("loose.jpg", ""),
        ("anna/1.jpg", "anna"),
        ("anna/winter/2.png", "anna"),
        ("bea/1.jpg", "bea"),
    ]


def test_dataset_folder_list_and_single_picture(dataset):
    path = write(dataset, "images/a.jpg 7 1\n")
    assert records_from(dataset) == records_from(path) == [Record(dataset / "images" / "a.jpg", "7", "1")]
    assert records_from(dataset / "images" / "a.jpg") == [Record(dataset / "images" / "a.jpg")]


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        records_from(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no picture"):
        records_from(tmp_path)
