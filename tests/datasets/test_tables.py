"""Tables of labels as files, and what is taken from them."""

import itertools
import unicodedata

import numpy as np
import pytest

from keras_gans.datasets import tables

CELEBA = "2\nBald Smiling \n000001.jpg -1  1\n000002.jpg  1 -1\n"
FILES = ["000001.jpg", "000002.jpg", "a.jpg", "b.jpg", "x.png", "y.png"]


@pytest.fixture
def write(tmp_path):
    def write(text, name="labels.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(path, files=FILES, labels=None):
    table, without = tables.read(path, files, path.parent, labels)
    assert not without
    return table


def test_celebas_layout(write):
    table = read(write(CELEBA, "list_attr_celeba.txt"))
    assert table.name == "list_attr_celeba.txt"
    assert table.files == ["000001.jpg", "000002.jpg"]
    assert list(table.columns) == ["Bald", "Smiling"]
    assert table.columns["Bald"].tolist() == [0, 1]
    assert table.columns["Smiling"].dtype == np.float32
    again = CELEBA.replace(" \n", "\n").replace(" ", "\t").replace("\t\t", "\t")
    assert read(write(again)).columns["Smiling"].tolist() == [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "file,Bald,hair\na.jpg,1,red\nb.jpg,0,\n",
        "\ufefffile;Bald;hair\r\na.jpg;1;red\r\nb.jpg;-1; \r\n",
        "file,Bald,hair\ra.jpg,1,red\rb.jpg,0,NA\r",
        ",Bald,path,hair\n0,true,a.jpg,red\n\n1,False,b.jpg,\n",
        ",Bald,hair\na.jpg,yes,red\nb.jpg,no,\n",
        ",Bald,id,hair\n0,Y,a,red\n1,N,b,\n",
        'Bald\thair\tfile\n1.0\tred\ta.jpg\n0\t\t"b.jpg"\n',
        "# mine, all\n\n \n# of it\nfile,Bald,hair\n#a,no\na.jpg,1,red\n"
        "  \n# b\nb.jpg,0,?\n,,\n",
        '"file";Bald;"hair, in all, in one";hair\na.jpg;1;x;red\nb.jpg;0;;\n',
        'file, Bald , "hair" ,,\na.jpg, "1" ,red,,\nb.jpg,\'0\',nan,,\n ,,,,\n',
        'file,note,Bald,hair\na.jpg,"1\n2, 3",1,red\nb.jpg,"""",0,null\n',
    ],
    ids=[
        *("commas", "semicolons, Excel", "carriage returns"),
        *("index, path last", "path unnamed", "index, then ids", "tabs"),
        *("comments", "commas in the header", "spaces, empty columns"),
        "line ends in cells",
    ],
)
def test_comma_separated_values(write, text):
    table = read(write(text))
    assert table.files == ["a.jpg", "b.jpg"]
    assert table.columns["Bald"].tolist() == [1, 0]
    assert table.columns["hair"] == ["red", ""]


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("1 1.0 01 +1 1. 1e0", "0 0.0 -0 +0 00 .0"),
        ("1 +1 1.0", "-1 -1.0 -01"),
        ("true TRUE t T yes Yes y on ON", "false False f no NO n off"),
    ],
)
def test_truth_values(write, yes, no):
    cells = [*yes.split(), *no.split(), *("nan NA n/a Null none - ?".split())]
    files = [f"{i}.png" for i in range(len(cells))]
    rows = [f"{i}.png, {cell} \n" for i, cell in enumerate(cells)]
    column = read(write(f"id,a\n{''.join(rows)}"), files).columns["a"]
    known = len(yes.split()) + len(no.split())
    assert column[:known].tolist() == [1] * len(yes.split()) + [0] * len(
        no.split()
    )
    assert np.isnan(column[known:]).all()


def test_numbers_are_names_only_of_the_images(write):
    files = [f"{i}.png" for i in range(50)]
    rows = "".join(f"{i},{i % 2}\n" for i in range(60))
    table, without = tables.read(
        *(path := write("id,male\n" + rows), files, path.parent)
    )
    assert table.files == files and len(without) == 10
    assert list(table.columns) == ["male"]


def test_a_commented_row_is_skipped(write):
    table, without = tables.read(
        write("idx,file,x\n1,a.jpg,0\n#2,b.jpg,1\n"), FILES, "."
    )
    assert table.files == ["a.jpg"]
    text = "color,file,x\n#ff0000,a.jpg,0\n#00ff00,b.jpg,1\n"
    table, without = tables.read(write(text), FILES, ".")
    assert table.files == ["a.jpg", "b.jpg"]


def test_kinds_of_columns(write):
    text = (
        "id,both,empty,signed,grade,name,share\n"
        "a,1,1,-1,1,None,0.5\nb,0,,1,2,off,1\nx,1,0,,3,blue  sky,0.2\n"
    )
    table = read(write(text))
    numbers = {k for k, c in table.columns.items() if isinstance(c, np.ndarray)}
    assert numbers == {"both", "empty", "signed"} and not table.odd
    assert np.isnan(table.columns["empty"]).tolist() == [False, True, False]
    assert np.isnan(table.columns["signed"]).tolist() == [False, False, True]
    assert table.columns["grade"] == ["1", "2", "3"]
    assert table.columns["name"] == ["", "off", "blue sky"]
    assert table.columns["share"] == ["0.5", "1", "0.2"]


@pytest.mark.parametrize(
    ("cells", "odd"),
    [
        ("1 0 1 maybe", "'maybe' of 3.png, which is no truth value"),
        ("-1 1 1 -1 0.5 1", "'0.5' of 4.png, which is no truth value"),
        ("1 0 " * 20 + "2 3", "'2' of 40.png and 1 more, which is no"),
        ("-1 1 1 0 -1", "'0' of 3.png, where 0 and -1 may be no or unknown"),
        ("0 1 0 0 -1 1 -1", "'-1' of 4.png and 1 more, where 0 and -1"),
    ],
)
def test_an_odd_cell_does_not_decide_for_its_column(write, cells, odd):
    files = [f"{i}.png" for i in range(len(cells.split()))]
    rows = map("{},{}\n".format, files, cells.split())
    path = write(f"file,Bald\n{''.join(rows)}")
    table = read(path, files)
    # Neither as classes by default, nor as truth values.
    for labels in (None, ["Bald"]):
        with pytest.raises(ValueError, match=f"'Bald' with {odd}") as caught:
            tables.select(table, labels)
        assert "\n" not in str(caught.value)
    assert tables.select(table, ["Bald=1"])[1].sum() == cells.split().count("1")
    # Only cells of images count.
    path.write_text(f"file,Bald\n{files[0]},1\n{files[1]},0\ntotal,17\n")
    table, without = tables.read(path, files, path.parent)
    assert without == ["total"] and not table.odd
    assert table.columns["Bald"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "names of columns, not nothing"),
        ("\n# only this\n", "names of columns, not nothing"),
        ("file,a\n", "it has 0 rows of file, a"),
        ("file\na.jpg\n", "it has 1 rows of file"),
        ("file,a,a\nx,1,0\n", "different names, not twice 'a'"),
        ("a.jpg,1\nb.jpg,0\n", "names of columns, not a.jpg, 1"),
        ("000001,1,-1\n000002,0,1\n", "names of columns, not 000001, 1, -1"),
        ("file,a\nx,1\n\ny,1,0\n", "rows of 2 cells.* line 4 has 3"),
        ('file,a\n"x\n1",1\ny\n', "rows of 2 cells.* line 4 has 1"),
        ('# a\nfile,a\n"x,1\n', "separated values .line 3"),
        (b"file,a\n\xff\xfe,1\n", "UTF-8"),
        ("file\ta\nx.png\t1\n".encode("utf-16"), "UTF-8, in Excel"),
        ("file\ta\nx.png\t1\n".encode("utf-16-le"), "UTF-8, in Excel"),
        (CELEBA.replace("2", "3", 1), "first line says 3 rows, and it has 2"),
        (CELEBA + "000003.jpg 1\n", "rows of 3 cells.* line 5 has 2"),
        ("1\n000001.jpg 1\n", "names of columns, not image_id, 000001.jpg, 1"),
        ("5\n", "0 rows"),
        ("9" * 5000, "names of columns"),
    ],
)
def test_files_that_cannot_be_read(write, text, match):
    path = write(text)
    with pytest.raises(ValueError, match=f"table must be .*{match}") as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match="table must be .*No such file"):
        read(tmp_path / "none.csv")


def find(tmp_path, rows, files):
    """Return the files of rows; files lie in `side`, the table above it."""
    path = tmp_path / "labels.csv"
    path.write_text("file;a\n" + "".join(f"{row};1\n" for row in rows))
    table, without = tables.read(path, files, tmp_path / "side")
    assert len(table.files) + len(without) == len(rows)
    return table.files, without


@pytest.mark.parametrize(
    ("row", "file"),
    [
        ("x/a.jpg", "x/a.jpg"),
        ("side/x/a.jpg", "x/a.jpg"),
        ("./side\\x\\..\\x\\a.JPG", "x/a.jpg"),
        ("a.jpg", "x/a.jpg"),
        ("a", "x/a.png"),
        ("a.jpg", "a.PNG"),
        ("img.0001", "img.0001.webp"),
        ("a.b.jpg", "a.b.jpg"),
        (unicodedata.normalize("NFD", "Zoë.png"), "Zoë.png"),
        ("Zoë.png", unicodedata.normalize("NFD", "Zoë.png")),
        ("{here}/side/x/a.jpg", "x/a.jpg"),
        ("../labels/../side/a.jpg", "a.jpg"),
        ("C:\\Users\\me\\x\\a.jpg", "x/a.jpg"),
        ("~/data/a.jpg", "a.jpg"),
    ],
)
def test_how_a_row_names_its_file(row, file, tmp_path):
    row = row.replace("{here}", str(tmp_path))
    # Whatever other rows look like, they have no say.
    for rows in itertools.permutations([row, "no/such/q.jpg", "/q"]):
        files, without = find(tmp_path, rows, ["z/c.gif", file])
        assert files == [file] and {*without} == {*rows} - {row}


@pytest.mark.parametrize(
    "row", ["y/a.jpg", "A.jpg", "{here}/other/x/a.jpg", "/far/y/a.jpg", ".", ""]
)
def test_a_row_of_another_file(row, tmp_path):
    row = row.replace("{here}", str(tmp_path))
    files, without = find(tmp_path, [row, "b.jpg"], ["x/a.jpg", "b.jpg"])
    assert files == ["b.jpg"] and without == [row]


def test_of_equal_names_the_closest_is_meant(tmp_path):
    files = ["a.jpg", "a.png", "x/a.jpg", "side/b.png", "c.png", "y/c.jpg"]
    rows = ["a.jpg", "a.png", "x/a.jpg", "side/b.jpg"]
    assert find(tmp_path, rows, files) == (files[:4], [])
    for row, ones in (
        ("a", ["a.jpg", "a.png"]),
        ("c.jpg", ["c.png", "y/c.jpg"]),
        ("x.png", ["u/x.png", "w/x.png"]),
        ("side/v.png", ["v.png", "side/v.png"]),
    ):
        match = f"'{row}', which may be '{ones[0]}' or '{ones[1]}'"
        with pytest.raises(ValueError, match=match) as caught:
            find(tmp_path, ["b.png", row], [*files[3:4], *ones])
        assert "\n" not in str(caught.value)


def test_a_table_of_other_images(tmp_path):
    with pytest.raises(ValueError, match="with 'q.jpg', where 'a.jpg' is"):
        find(tmp_path, ["q.jpg"], ["a.jpg"])


def test_other_columns_are_not_kept(write):
    path = write("file,Bald,hair,eyes\na.jpg,1,red,blue\nb.jpg,0,blue,green\n")
    for labels, kept in (
        (["Bald"], {"Bald"}),
        (["hair=red", "Bald"], {"Bald", "hair"}),
        (["red", "Bald"], {"Bald", "hair", "eyes"}),
        (None, {"Bald", "hair", "eyes"}),
    ):
        assert {*read(path, labels=labels).columns} == kept


def test_equal_names_in_many_folders(write):
    """Files are looked up, not compared with each row."""
    files = [f"{i // 100}/{i % 100}/image.jpg" for i in range(10_000)]
    rows = [["", "/far/", "./"][i % 3] + f for i, f in enumerate(files)]
    path = write("file,a\n" + "".join(f"{row},1\n" for row in rows))
    assert read(path, files).files == files


def table_of(**columns):
    return tables.Table("labels.csv", [*"abcd"], columns)


TABLE = table_of(
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
    only = table_of(hair=["red", "hair", "", "hair"])
    names, _, groups = tables.select(only, None)
    assert names == ["hair", "red"] and groups == [["hair", "red"]]
    assert tables.select(TABLE, None, ["Bald"])[0] == ["Bald"]
    with pytest.raises(ValueError, match="out of Bald, hair=blue, red, "):
        tables.select(TABLE, None)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["blue"], r"must say of which.*'blue' \(hair=blue or eyes=blue\)"),
        (["bold"], r"must be in labels.csv.*'bold' \(nearest: Bald"),
        (["hair"], r"nearest: hair=blue, hair=red\)"),
        (["hair=grene"], r"nearest: .*hair=red"),
        (["Hat"], r"'Hat' \(there are Bald, hair=blue, red, eyes=blue, green"),
        (["red", "hair=red"], "each label once.*'hair=red'"),
    ],
)
def test_unknown_labels(labels, match):
    with pytest.raises(ValueError, match=match) as caught:
        tables.select(TABLE, labels)
    assert "\n" not in str(caught.value)


def test_a_long_list_is_cut():
    columns = {f"c{i}": np.zeros(4, np.float32) for i in range(70)}
    with pytest.raises(ValueError, match="c59 and 10 more"):
        tables.select(table_of(**columns), ["q"])
