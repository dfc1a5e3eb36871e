"""SMPL files as users have them, and files that lie about themselves: none is believed, and none needs much memory."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from scipy import sparse

from threedsl.errors import InputError
from train.body.licensed_smpl import find_smpl, read_smpl
from train.body.smpl_pickle import load_pickle, plain_array

COUNT = 6890
MOST_ALLOCATED = 400 * 2**20  # bytes; the honest contents have 40 MB, and are held in several forms


def contents():
    """Arrays of SMPL's shapes."""
    rng = np.random.default_rng(0)
    return {
        "v_template": rng.normal(size=(COUNT, 3)),
        "shapedirs": rng.normal(size=(COUNT, 3, 10)),
        "posedirs": np.zeros((COUNT, 3, 207), np.float32),
        "J_regressor": rng.random((24, COUNT)),
        "kintree_table": np.array([[4294967295, *range(23)], range(24)]),
        "weights": rng.random((COUNT, 24)),
        "f": rng.integers(0, COUNT, (100, 3)).astype(np.uint32),
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "layout", ["csc_matrix", "csr_matrix", "coo_matrix", "csc_array", "csr_array", "coo_array"]
)
def test_sparse_matrices_of_every_protocol(protocol, layout):
    dense = np.zeros((3, 5))
    dense[[0, 1, 2, 2], [4, 0, 1, 3]] = [1, 2.5, -3, 4]
    values = load_pickle(pickle.dumps({"a": getattr(sparse, layout)(dense)}, protocol))
    np.testing.assert_array_equal(plain_array(values["a"]), dense)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "|u1", "|b1", "<f2"])
def test_arrays_of_every_protocol(protocol, dtype):
    plain = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for array in (plain, np.asfortranarray(plain), plain.transpose(1, 2, 0), plain[0, 0, 0], plain[:0]):
        read = plain_array(load_pickle(pickle.dumps({"a": array}, protocol))["a"])
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype and read.shape == array.shape


def test_a_sparse_matrix_of_another_layout_is_named(tmp_path):
    path = tmp_path / "smpl.pkl"
    values = contents()
    path.write_bytes(pickle.dumps(values | {"J_regressor": sparse.dok_matrix(values["J_regressor"][:, :1])}))
    with pytest.raises(InputError, match="cannot be read as an SMPL file"):
        read_smpl(path)


@pytest.mark.parametrize(
    "name",
    [
        "SMPL_NEUTRAL.pkl",
        "smpl/SMPL_NEUTRAL.pkl",
        "smpl/SMPL_NEUTRAL.npz",
        "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
        "smpl/SMPL_FEMALE.pkl",
        "SMPL_NEUTRAL.NPZ",
        "smpl/SMPL_MALE.PKL",
    ],
)
def test_a_folder_as_smplx_has_it(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name.lower().endswith("npz"):
        with path.open("wb") as file:
            np.savez(file, **contents())
    else:
        path.write_bytes(pickle.dumps(contents()))
    (tmp_path / "smplx").mkdir()
    (tmp_path / "smplx" / "SMPLX_NEUTRAL.npz").write_bytes(b"of another model")
    (tmp_path / "smpl_uv.obj").write_text("v 0 0 0")
    assert find_smpl(tmp_path) == path and find_smpl(path) == path
    assert read_smpl(tmp_path)["v_template"].shape == (COUNT, 3)


def test_the_neutral_body_is_chosen_and_two_others_are_not(tmp_path):
    (tmp_path / "smpl").mkdir()
    for name in ("SMPL_MALE.pkl", "SMPL_FEMALE.pkl"):
        (tmp_path / "smpl" / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"several SMPL files \(smpl/SMPL_FEMALE.pkl, smpl/SMPL_MALE.pkl\)"):
        find_smpl(tmp_path)
    for name in ("SMPL_NEUTRAL.pkl", "SMPL_NEUTRAL.npz"):
        (tmp_path / "smpl" / name).write_bytes(b"")
    assert find_smpl(tmp_path).name == "SMPL_NEUTRAL.npz"


def test_a_folder_without_says_what_is_expected(tmp_path):
    (tmp_path / "SMPLX_NEUTRAL.npz").write_bytes(b"")
    with pytest.raises(InputError, match=r"no SMPL file: expected SMPL_NEUTRAL\.npz"):
        read_smpl(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_smpl(tmp_path / "none")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_smpl("/dev/zero")


def npz_with(header_of, data=b"\0" * 64):
    """An .npz whose posedirs say they have the shape `header_of`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, value in contents().items():
            part = io.BytesIO()
            if key == "posedirs":
                said = {"descr": "<f8", "fortran_order": False, "shape": header_of}
                np.lib.format.write_array_header_1_0(part, said)
                part.write(data)
            else:
                np.save(part, value)
            archive.writestr(f"{key}.npy", part.getvalue())
    return buffer.getvalue()


class Global:
    """Pickled as the call of a global by name, or as the global itself where there are no arguments."""

    def __init__(self, place, *args):
        self.place, self.args = place, args

    def opcodes(self):
        module, name = self.place.rsplit(".", 1)
        call = pickle.dumps(self.args, 2)[2:-1] + b"R" if self.args else b""
        return f"c{module}\n{name}\n".encode() + call


def table(*pairs):
    """A pickle of a dict whose values are given as opcodes."""
    items = b"".join(pickle.dumps(key, 2)[2:-1] + value for key, value in pairs)
    return b"\x80\x02}(" + items + b"u."


def array_that_says(shape, dtype="f8", data=b"\0" * 8):
    """An array whose state says it has the shape, whatever its bytes are."""
    head = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
    kind = b"cnumpy\ndtype\n" + pickle.dumps((dtype, False, True), 2)[2:-1] + b"R"
    size = struct.pack("<I", len(data))
    return head + b"(K\x01" + pickle.dumps(shape, 2)[2:-1] + kind + b"\x89B" + size + data + b"tb"


def other(key, opcodes):
    """A pickle of all SMPL arrays, `key` by other opcodes."""
    values = contents()
    values.pop(key)
    plain = pickle.dumps(values, 2)
    assert plain.endswith(b"u.")
    return plain[:-1] + pickle.dumps(key, 2)[2:-1] + opcodes + b"s."


def recursive_variable():
    """A chumpy variable whose value is itself."""
    return b"cchumpy.ch\nCh\n)Rr\x00\x00\x00\x00}U\x01xj\x00\x00\x00\x00sb"


def recursive_list():
    return b"]r\x00\x00\x00\x00j\x00\x00\x00\x00a"


def doubled_list(times=60):
    """A list of a list of … of which each holds the next twice."""
    return b"]" + b"".join(
        b"r"
        + struct.pack("<I", 100 + i)
        + b"](j"
        + struct.pack("<I", 100 + i)
        + b"j"
        + struct.pack("<I", 100 + i)
        + b"e"
        for i in range(times)
    )


def sparse_that_says(shape, indices=(0,), indptr=(0, 1)):
    state = {"_shape": shape, "data": np.ones(1), "indices": np.array(indices, np.int32),
             "indptr": np.array(indptr, np.int32)}  # fmt: skip
    return b"cscipy.sparse.csc\ncsc_matrix\n)R" + pickle.dumps(state, 2)[2:-1] + b"b"


LIES = {
    "npz of terabytes": lambda: npz_with((10**6, 10**6, 207)),
    "npz of more than an integer": lambda: npz_with((2**40, 2**40, 2**40)),
    "npz of negative size": lambda: npz_with((-1, 3)),
    "npz of objects": lambda: npz_with((1,)).replace(b"'<f8'", b"'|O8'"),
    "npz cut off": lambda: npz_with((COUNT, 3, 207))[:-2000],
    "array of terabytes": lambda: other("weights", array_that_says((10**12, 24))),
    "array of objects": lambda: other("weights", array_that_says((1,), "O8")),
    "array of huge items": lambda: other("weights", array_that_says((1,), "V2000000000")),
    "array of text": lambda: other("weights", array_that_says((1,), "U2")),
    "array made directly": lambda: other("weights", Global("numpy.ndarray", (10**13,)).opcodes()),
    "array reconstructed": lambda: other(
        "weights", Global("numpy.core.multiarray._reconstruct", 0, (10**13,), b"d").opcodes()
    ),
    "sparse of terabytes": lambda: other("J_regressor", sparse_that_says((10**7, 10**7))),
    "sparse out of range": lambda: other("J_regressor", sparse_that_says((24, 1), indices=(2**31 - 1,))),
    "sparse with pointers out of range": lambda: other("J_regressor", sparse_that_says((24, 1), indptr=(0, 2**31 - 1))),
    "variable of itself": lambda: other("weights", recursive_variable()),
    "list of itself": lambda: other("weights", recursive_list()),
    "lists doubled": lambda: other("weights", doubled_list()),
    "memory numbers": lambda: b"\x80\x02}r\xff\xff\xff\x7f.",
    "bytes of terabytes": lambda: b"\x80\x04\x8e" + struct.pack("<Q", 2**42) + b"x.",
    "bytearray of terabytes": lambda: b"\x80\x05\x96" + struct.pack("<Q", 2**42) + b"x.",
    "frame of terabytes": lambda: b"\x80\x04\x95" + struct.pack("<Q", 2**42) + b"}.",
    "number of 10^5 digits": lambda: b"\x80\x02}U\x01aI" + b"9" * 100_000 + b"\ns.",
    "deep tuples": lambda: b"\x80\x02" + b"(" * 900_000 + b"t" * 900_000 + b".",
    "a million parts": lambda: b"\x80\x02" + b"N0" * 600_000 + b"}.",
    "another function": lambda: table(("f", Global("os.system", "true").opcodes())),
    "bytes of a given length": lambda: table(("f", Global("__builtin__.bytes", 10**13).opcodes())),
    "another codec": lambda: table(("f", Global("_codecs.encode", "x" * 99, "zip").opcodes())),
    "an instance of a stranger": lambda: b"\x80\x02(ios\nsystem\n.",
    "a reference outside": lambda: b"\x80\x02}U\x01aPx\ns.",
    "no table": lambda: pickle.dumps([1, 2]),
    "nothing": lambda: b"",
    "faces out of range": lambda: pickle.dumps(contents() | {"f": np.array([[0, 1, COUNT]], np.uint32)}),
    "no number": lambda: pickle.dumps(contents() | {"v_template": np.full((COUNT, 3), np.nan)}),
    "a joint after its parent": lambda: pickle.dumps(contents() | {"kintree_table": np.full((2, 24), 23)}),
    "another shape": lambda: pickle.dumps(contents() | {"shapedirs": np.zeros((3, COUNT, 10))}),
    "too few betas": lambda: pickle.dumps(contents() | {"shapedirs": np.zeros((COUNT, 3, 4))}),
}  # fmt: skip


SLOW = {"deep tuples", "a million parts"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in LIES]
)
def test_files_that_lie_end_in_one_sentence(tmp_path, name):
    path = tmp_path / "smpl.pkl"
    path.write_bytes(LIES[name]())
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"smpl\.pkl") as caught:
            read_smpl(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_ALLOCATED
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.slow
def test_the_honest_parts_of_these_files_are_read(tmp_path):
    """So that it is the lie that is refused, and not how the rest is written."""
    path = tmp_path / "smpl.pkl"
    weights = np.random.default_rng(1).random((COUNT, 24))
    path.write_bytes(other("weights", array_that_says(weights.shape, data=weights.tobytes())))
    np.testing.assert_allclose(read_smpl(path)["weights"], weights, rtol=1e-6)
    path.write_bytes(npz_with((COUNT, 3, 207), b"\0" * (8 * COUNT * 3 * 207)))
    assert read_smpl(path)["posedirs"].shape == (COUNT, 3, 207)
