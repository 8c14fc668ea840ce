import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.serve.track_id import decode, encode


def raw(path: bytes) -> str:
    return base64.urlsafe_b64encode(path).rstrip(b"=").decode()


@settings(deadline=None)
@given(st.binary(max_size=200).filter(lambda path: b"\0" not in path))
@example(b"music/\xff\xfe/a b?#%2e.mp3")
@example(b"")
def test_an_id_gives_the_path_back(rest: bytes) -> None:
    text = encode(b"/" + rest)
    assert decode(text) == b"/" + rest
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_longest_path_of_linux_has_an_id() -> None:
    path = b"/" + b"a" * 4095
    assert decode(encode(path)) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "L",  # no whole byte
        "L2E=",  # padded
        "L2E\n",
        "L2F",  # the last bits are not zero: `L2E` spelled otherwise
        "L2E+",
        "L2E/",
        "L2E%3D",
        "Ĺ2E",
        "../../etc/passwd",
        raw(b"etc/passwd"),
        raw(b"/music\0/etc"),
        "L2E" * 10_000,
    ],
)
def test_a_damaged_id_is_not_found(text: str) -> None:
    with raises("track-id-damaged") as caught:
        decode(text)
    assert caught.value.status == 404


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_path_has_one_id(text: str) -> None:
    try:
        path = decode(text)
    except Exception as error:
        assert type(error).__name__ == "RequestError"
    else:
        assert encode(path) == text
