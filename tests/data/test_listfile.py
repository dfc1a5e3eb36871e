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
        dataset,
        "images/a.jpg 7 1\nimages/b.PNG 8 2 coat\nimages/0002_c3s1_000451_03.jpg 2\nimages/x.jpg y.jpg 9\n",
    )
    images = dataset / "images"
    assert read_list(path) == [
        Record(images / "a.jpg", "7", "1"),
        Record(images / "b.PNG", "8", "2", "coat"),
        Record(images / "0002_c3s1_000451_03.jpg", "2", "3"),
        Record(images / "x.jpg y.jpg", "9"),
    ]


def test_a_dash_is_an_unknown_camera_or_unknown_clothes(dataset):
    path = write(dataset, "images/a.jpg 7 - coat\nimages/b.PNG 8 2 -\nimages/0002_c3s1_000451_03.jpg 2 -\n")
    assert [(record.camid, record.clothes) for record in read_list(path)] == [
        ("", "coat"),
        ("2", ""),
        ("", ""),
    ]


@pytest.mark.parametrize(
    ("name", "camera", "clothes"),
    [
        ("query/0002_c1s1_000451_03.jpg", "1", ""),  # Market-1501
        ("bounding_box_test/0002_c1s1_000451_03.jpg.jpg", "1", ""),
        ("query/0005_c2_f0046985.jpg", "2", ""),  # DukeMTMC-reID
        ("test/103_1_c9_017008.png", "9", "1"),  # LTCC
        ("test/103_12_c12_017008.png", "12", "12"),
        ("0000/0000_000_01_0303morning_0015_0.jpg", "1", ""),  # MSMT17
        ("0000/0000_000_15_0303afternoon_0015_0.jpg", "15", ""),
        ("query/0001-01-03-02.jpg", "1", "3"),  # VC-Clothes
        ("query/0001_04_02_12.jpg", "4", "2"),
        ("rgb/train/001/C_cropped_rgb017.jpg", "C", "2"),  # PRCC
        ("rgb/test/B/001/cropped_rgb001.jpg", "B", "1"),
        ("B/001/cropped_rgb001.jpg", "B", "1"),
        ("cropped_rgb001.jpg", "", ""),
        ("rgb/test/001/cropped_rgb001.jpg", "", ""),
        ("train/1_105_0.jpg", "", ""),  # Celeb-reID has no cameras
        ("holiday/music_1.jpg", "", ""),
        ("2024-05-03-12.jpg", "", ""),
        ("c3/photo.jpg", "", ""),
    ],
)
def test_names_of_public_data_sets_tell_what_a_short_line_does_not(tmp_path, name, camera, clothes):
    (tmp_path / "query.txt").write_text(f"{name} 7\n./{name} 7 cam\n{name} 7 5 6\n", encoding="utf-8")
    records = read_list(tmp_path / "query.txt", check_files=False)
    assert [(record.pid, record.camid, record.clothes) for record in records] == [
        ("7", camera, clothes),
        ("7", "cam", clothes),
        ("7", "5", "6"),
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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_and_no_others(tmp_path, end):
    """What Unicode also calls a line end may stand in a file name."""
    names = ["a\x0cb.jpg", "c\u2028d.jpg", "e\x85f.jpg", "g\u3000h.jpg"]
    (tmp_path / "train.txt").write_bytes(end.join(f"{name} 7 1" for name in names).encode())
    records = read_list(tmp_path / "train.txt", check_files=False)
    assert [(record.path.name, record.pid, record.camid) for record in records] == [
        (name, "7", "1") for name in names
    ]


def test_absolute_paths_and_windows_separators(dataset, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("else where") / "a 1.jpg"
    elsewhere.touch()
    path = write(dataset, f"{elsewhere} 7 1\nimages\\my photo 7.jpg 8 1\n")
    assert [record.path for record in read_list(path)] == [elsewhere, dataset / "images" / "my photo 7.jpg"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "images/b.PNG 2 1\nimages/a.jpg 3",
            "line 4: images/a.jpg is labelled person 3 here and person 1 on line 1",
        ),
        ("images/b.PNG,1,2", "not separated by spaces"),
        ('"images/my photo 7.jpg"; 1; 2', "not separated by spaces"),
        ("images/a 1 2", "no picture name"),
        ("images 1 2", "no picture name"),
        ("images\\missing.jpg 1 2", "images\\missing.jpg does not exist"),
    ],
)
def test_more_malformed_lines(dataset, line, words):
    path = write(dataset, f"images/a.jpg 1 1\r\n\r\n{line}\r\n")
    with pytest.raises(InputError) as error:
        read_list(path)
    assert words in str(error.value) and f"{path}, line " in str(error.value)


def test_the_line_that_is_not_utf_8_is_named(dataset):
    path = dataset / "list" / "gallery.txt"
    path.write_bytes(b"images/a.jpg 1 1\nimages/b.PNG 2 1\nimages/caf\xe9.jpg 3 1\n")
    with pytest.raises(InputError, match=r"gallery\.txt, line 3: not text in UTF-8"):
        read_list(path)


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
    with pytest.raises(InputError, match="does not exist"):
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


@pytest.mark.slow
def test_many_lines_come_back(tmp_path):
    records = [
        Record(tmp_path / f"{n % 97:04d}" / ("a b" if n % 5 else "c") / f"{n}.jpg", str(n % 97), str(n % 15))
        for n in range(5_000)
    ]
    write_list(records, tmp_path / "gallery.txt", tmp_path)
    assert read_list(tmp_path / "gallery.txt", check_files=False) == records


@pytest.mark.parametrize(
    "name",
    [
        "#1.jpg",
        " a.jpg",
        "# x/b.jpg",
        "a.jpg 1 2/c.jpg",
        "a.jpg.jpg",
        "x.png y.jpg",
        "tab\tb.JPG",
        "100%.webp",
        "a 7 1.jpg",
        "back\\slash.jpg",
        "Łódź 東京.jpeg",
        "-1.jpg",
        "./dot.jpg",
        "0002_c1s1_000451_03.jpg",
        "103_1_c9_017008.png",
        "B/001/cropped_rgb001.jpg",
    ],
)
@pytest.mark.parametrize("columns", [("7",), ("7", "1"), ("a.b", "c3", "2.5"), ("7", "", "coat")])
def test_odd_paths_come_back(tmp_path, name, columns):
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.touch()
    write_list([Record(path, *columns)], tmp_path / "data" / "list" / "train.txt", tmp_path / "data")
    assert read_list(tmp_path / "data" / "list" / "train.txt") == [Record(path, *columns)]


@pytest.mark.parametrize(
    "columns", [(), ("a b",), ("", "1"), ("", "", "coat"), ("-1", "1"), ("1", "x\ty"), ("1", "-"), ("-",)]
)
def test_labels_a_list_cannot_hold(tmp_path, columns):
    with pytest.raises(InputError, match="without spaces"):
        write_list([Record(tmp_path / "a.jpg", *columns)], tmp_path / "list.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("no suffix", ("7", "1")),
        ("two\nlines.jpg", ("7",)),
        ("a\rb.jpg", ("7",)),
        ("a.jpg", ("7.jpg", "1")),
        ("not utf-8 \udce9.jpg", ("7", "1")),
    ],
)
def test_paths_a_list_cannot_hold(tmp_path, name, columns):
    with pytest.raises(InputError, match="cannot be written to a list file"):
        write_list([Record(tmp_path / name, *columns)], tmp_path / "list.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_list([Record(tmp_path / "a.jpg", "1")], tmp_path / "file" / "train.txt")


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
    with pytest.raises(InputError, match="contains no picture"):
        records_from(tmp_path)


@pytest.mark.parametrize(
    "text", ["a" * 2**21, ".jpg " * 2**19, "a.jpg" + " " * 2**21 + "1"], ids=["a", "b", "c"]
)
def test_a_file_without_line_ends_is_a_sentence(dataset, text):
    with pytest.raises(InputError, match=r"line 2 has 2,[0-9,]+ characters; a line names one picture"):
        read_list(write(dataset, f"images/a.jpg 1\n{text}\n"), check_files=False)


@pytest.mark.parametrize(
    "line",
    [
        f"001_{'9' * 5000}_c9_1.jpg 1",
        f"a.jpg {'p' * 501}",
        f"a.jpg p {'c' * 501}",
        f"a.jpg p c {'o' * 10_000}",
    ],
    ids=["in-a-name", "person", "camera", "clothes"],
)
def test_labels_longer_than_any_are_a_sentence(tmp_path, line):
    """An array of a list's labels takes for each of them what the longest takes."""
    path = tmp_path / "list.txt"
    path.write_text(f"b.jpg 1\n{line}\n")
    with pytest.raises(InputError, match=r"line 2: .*… is a label of [0-9,]+ characters; shorten it"):
        read_list(path, check_files=False)
