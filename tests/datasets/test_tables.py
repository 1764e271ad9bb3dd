"""Tables of labels as files, and what is taken from them."""

import numpy as np
import pytest

from keras_gans.datasets import tables

CELEBA = "2\nBald Smiling \n000001.jpg -1  1\n000002.jpg  1 -1\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_celebas_layout(write):
    table = tables.read(write(CELEBA, "list_attr_celeba.txt"))
    assert table.name == "list_attr_celeba.txt"
    assert table.pictures == ["000001.jpg", "000002.jpg"]
    assert list(table.columns) == ["Bald", "Smiling"]
    assert table.columns["Bald"].tolist() == [0, 1]
    assert table.columns["Smiling"].dtype == np.float32


@pytest.mark.parametrize(
    "text",
    [
        "file,Bald,hair\na.jpg,1,red\nb.jpg,0,\n",
        "\ufefffile;Bald;hair\r\na.jpg;1;red\r\nb.jpg;-1; \r\n",
        ",Bald,path,hair\n0,true,a.jpg,red\n\n1,False,b.jpg,\n",
        'Bald\thair\tfile\n1.0\tred\ta.jpg\n0\t\t"b.jpg"\n',
    ],
    ids=["commas", "semicolons, Excel", "index, path last", "tabs"],
)
def test_comma_separated_values(write, text):
    table = tables.read(write(text))
    assert table.pictures == ["a.jpg", "b.jpg"]
    assert table.columns["Bald"].tolist() == [1, 0]
    assert table.columns["hair"] == ["red", ""]


def test_kinds_of_columns(write):
    table = tables.read(
        write(
            "id,both,empty,signed,mixed,grade,name\n"
            "x,1,1,-1,1,1,on\ny,0,,1,-1,2,off\nz,1,0,,0,3,\n"
        )
    )
    # Without names of files the first column tells the pictures.
    assert table.pictures == ["x", "y", "z"]
    numbers = {k for k, c in table.columns.items() if isinstance(c, np.ndarray)}
    assert numbers == {"both", "empty", "signed"}
    assert np.isnan(table.columns["empty"]).tolist() == [False, True, False]
    assert np.isnan(table.columns["signed"]).tolist() == [False, False, True]
    # 1, 0 and -1 together may mean anything.
    assert table.columns["mixed"] == ["1", "-1", "0"]
    assert table.columns["grade"] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it has 0 rows of nothing"),
        ("file,a\n", "it has 0 rows of file, a"),
        ("file\na.jpg\n", "it has 1 rows of file"),
        ("file,a,a\nx,1,0\n", "different names"),
        ("file,a\nx,1\ny,1,0\n", "rows of 2 cells.* row 2 has 3"),
        ('file,a\n"x,1\n', "comma-separated values"),
        (b"file,a\n\xff\xfe,1\n", "UTF-8"),
        (CELEBA.replace("2", "3", 1), "first line says 3 rows, and it has 2"),
        (CELEBA + "000003.jpg 1\n", "rows of 3 cells.* row 3 has 2"),
        ("5\n", "0 rows"),
    ],
)
def test_files_that_cannot_be_read(write, text, match):
    path = write(text)
    with pytest.raises(ValueError, match=f"table must be .*{match}") as caught:
        tables.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match="table must be .*No such file"):
        tables.read(tmp_path / "none.csv")


def table_of(*pictures, **columns):
    return tables.Table("labels.csv", list(pictures), columns)


@pytest.mark.parametrize(
    ("rows", "files"),
    [
        (["x/a.jpg", "./y/b.jpg"], ["x/a.jpg", "y/b.jpg"]),
        (["side/x/a.jpg", "side\\y/b.jpg"], ["x/a.jpg", "y/b.jpg"]),
        (["a.jpg", "old/place/b.jpg"], ["x/a.jpg", "y/b.jpg"]),
        (["a", "b.jpg"], ["x/a.png", "y/b.png"]),
    ],
    ids=["path", "path from the table", "name", "without extension"],
)
def test_ways_to_name_a_picture(rows, files, write):
    quoted = "".join(f"{row},1\n" for row in rows)
    table = tables.read(write("file,a\n" + quoted))
    found = tables.match(table, [*files, "z/c.gif"], "/top/side", "/top")
    assert found == {files[0]: 0, files[1]: 1}


def test_of_equal_names_the_path_tells():
    table = table_of("x/a.jpg", "y/a.jpg")
    found = tables.match(table, ["y/a.jpg", "z/a.jpg"], "/top", "/top")
    assert found == {"y/a.jpg": 1}
    with pytest.raises(ValueError, match="'a.jpg', which may be .*'z/a.jpg'"):
        tables.match(table_of("a.jpg"), ["y/a.jpg", "z/a.jpg"], "/t", "/t")
    # The first of two rows counts.
    table = table_of("a.jpg", "a.jpg")
    assert tables.match(table, ["a.jpg"], "/t", "/t") == {"a.jpg": 0}


def test_a_table_of_other_pictures():
    with pytest.raises(ValueError, match="with 'q.jpg', where 'a.jpg' is"):
        tables.match(table_of("q.jpg"), ["a.jpg"], "/top", "/top")


TABLE = table_of(
    *"abcd",
    Bald=np.array([1, 0, np.nan, 0], np.float32),
    hair=["red", "blue", "red", ""],
    eyes=["blue", "green", "", "blue"],
)


def test_labels_in_the_order_asked_for():
    names, values, groups = tables.select(
        TABLE, ["hair=blue", "Bald", "green", "red"]
    )
    assert names == ["hair=blue", "Bald", "green", "red"]
    expected = [
        [0, 1, 0, 1],
        [1, 0, 1, 0],
        [0, np.nan, np.nan, 1],
        [np.nan, 0, 0, np.nan],
    ]
    np.testing.assert_array_equal(values, expected)
    assert values.dtype == np.float32
    # A single class of a column excludes no other.
    assert groups == [["hair=blue", "red"]]


def test_default_labels():
    only = table_of("a", "b", "c", hair=["red", "blue", ""])
    names, _, groups = tables.select(only, None)
    assert names == ["blue", "red"] and groups == [["blue", "red"]]
    assert tables.select(TABLE, None, ["Bald"])[0] == ["Bald"]
    with pytest.raises(ValueError, match="out of Bald, hair=blue, red, "):
        tables.select(TABLE, None)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["blue"], r"must say of which.*'blue' \(hair=blue or eyes=blue\)"),
        (["bold"], r"must be in labels.csv.*'bold' \(nearest: Bald"),
        (["hair=grene"], r"nearest: .*hair=red"),
        (["Hat"], r"'Hat' \(there are Bald, hair=blue, red, eyes=blue, green"),
        (["red", "hair=red"], "each label once.*'hair=red'"),
        ([], "list of names, at least one.*\\[\\]"),
        ("Bald", "list of names.*'Bald'"),
        ([1], "list of names"),
    ],
)
def test_unknown_labels(labels, match):
    with pytest.raises(ValueError, match=match) as caught:
        tables.select(TABLE, labels)
    assert "\n" not in str(caught.value)


def test_a_long_list_is_cut():
    columns = {f"c{i}": np.zeros(1, np.float32) for i in range(70)}
    with pytest.raises(ValueError, match="c59 and 10 more"):
        tables.select(table_of("a", **columns), ["q"])
