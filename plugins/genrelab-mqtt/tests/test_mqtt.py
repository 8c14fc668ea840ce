"""The program against a real broker (amqtt) on the loopback, and a real `genrelab listen`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import trustme
from amqtt.broker import Broker as RealBroker
from genrelab_mqtt.lines import moments
from genrelab_mqtt.publisher import device_id
from pwdlib.hashers.argon2 import Argon2Hasher

BIN = Path(sys.executable).parent
RECORD = {
    "time": 1.0, "start": 0.0, "genre": "jazz", "confidence": 0.75, "reason": None, "behind": 0, "model": "m",
    "genres": [{"genre": "jazz", "probability": 0.75}, {"genre": "blues", "probability": 0.2}],
    "tags": [{"kind": "mood", "name": "calm", "probability": 0.9, "present": True},
             {"kind": "mood", "name": "dark", "probability": 0.1, "present": False}],
}  # fmt: skip


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(port: int, folder: Path, **tls: object) -> Iterator[int]:
    """A broker that wants the password `secret ` (with a space) of the user `music`; its port."""
    (folder / "passwords").write_text(f"music:{Argon2Hasher().hash('secret ')}\n")
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", **tls}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(folder / "passwords")}
        },
    }
    loop = asyncio.new_event_loop()
    real = RealBroker(config, loop=loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(real.start(), loop).result(30)
    yield port
    asyncio.run_coroutine_threadsafe(real.shutdown(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[int]:
    with running(free_port, tmp_path) as port:
        yield port


class Listener:
    """Collects what a broker publishes."""

    def __init__(self, port: int) -> None:
        self.found: list[tuple[str, str]] = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.username_pw_set("music", "secret ")
        self.client.on_connect = lambda client, *rest: client.subscribe("#")
        self.client.on_message = lambda client, data, message: self.found.append(
            (message.topic, message.payload.decode())
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def wait(self, topic: str, text: str | None = None) -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for found, payload in list(self.found):
                if found == topic and text in (None, payload):
                    return payload
            time.sleep(0.05)
        raise AssertionError(f"{topic} {text} is not among {self.found}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(broker: int) -> Iterator[Listener]:
    found = Listener(broker)
    yield found
    found.close()


def start(port: int, *words: str, password: str = "secret ", **streams: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "genrelab_mqtt.main", "--host=127.0.0.1", f"--port={port}", "--user=music",
         *words],
        env={**os.environ, "GENRELAB_MQTT_PASSWORD": password}, **streams,
    )  # fmt: skip


def test_states_discovery_and_availability(broker: int, listener: Listener) -> None:
    program = start(broker, "--name=Küche 1", stdin=subprocess.PIPE)
    program.stdin.write(json.dumps(RECORD).encode() + b"\n")
    program.stdin.flush()
    state = json.loads(listener.wait("genrelab/kuche_1/state"))
    assert (state["genre"], state["confidence"], state["tags"]) == ("jazz", 0.75, ["mood:calm"])
    assert state["genres"] == RECORD["genres"]
    assert listener.wait("genrelab/kuche_1/available") == "online"
    config = json.loads(listener.wait("homeassistant/sensor/genrelab_kuche_1/genre/config"))
    assert config["state_topic"] == "genrelab/kuche_1/state"
    assert config["availability_topic"] == "genrelab/kuche_1/available"
    assert config["device"]["name"] == "Küche 1"
    share = json.loads(listener.wait("homeassistant/sensor/genrelab_kuche_1/confidence/config"))
    assert share["unit_of_measurement"] == "%" and share["unique_id"] != config["unique_id"]
    program.stdin.close()
    assert program.wait(60) == 0
    listener.wait("genrelab/kuche_1/available", "offline")


def test_the_broker_says_that_a_killed_program_is_gone(broker: int, listener: Listener) -> None:
    program = start(broker, stdin=subprocess.PIPE)
    listener.wait("genrelab/genrelab/available", "online")
    program.send_signal(signal.SIGKILL)
    program.wait()
    listener.wait("genrelab/genrelab/available", "offline")


def test_without_discovery(broker: int, listener: Listener) -> None:
    program = start(broker, "--discovery=", "--topic=home/music", stdin=subprocess.PIPE)
    program.communicate(json.dumps(RECORD).encode() + b"\n", timeout=60)
    listener.wait("home/music/genrelab/available", "offline")
    assert not [topic for topic, _ in listener.found if "homeassistant" in topic]


def test_a_real_stream(broker: int, listener: Listener) -> None:
    import numpy as np

    noise = (np.random.default_rng(0).normal(0, 3000, 22050 * 12)).astype("<i2").tobytes()
    hearing = subprocess.Popen(
        [BIN / "genrelab", "listen", "--raw=s16le", "--rate=22050", "--channels=1", "--format=jsonl",
         "--quiet"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    program = start(broker, stdin=hearing.stdout)
    hearing.communicate(noise, timeout=120)
    assert program.wait(60) == 0
    assert json.loads(listener.wait("genrelab/genrelab/state"))["genre"] == "unsure"


def test_a_wrong_password(broker: int) -> None:
    program = start(broker, password="wrong", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = program.communicate(b"", timeout=60)
    assert program.returncode == 1 and b"refuses" in said and b"Traceback" not in said


def test_no_broker() -> None:
    program = start(1, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = program.communicate(b"", timeout=60)
    assert program.returncode == 1 and b"127.0.0.1:1 is not there" in said and b"Traceback" not in said


@pytest.mark.parametrize(
    "words",
    [["--name=!!"], ["--topic=a/#"], ["--topic="], ["--password-file=/none/of/this"], ["--port=99999"],
     ["--port=0"], ["--ca-file=ca.pem"], ["--tls", "--ca-file=/none/of/this"],
     ["--tls", f"--ca-file={__file__}"]],
)  # fmt: skip
def test_wrong_use(words: list[str]) -> None:
    program = start(1, *words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = program.communicate(b"", timeout=60)
    assert program.returncode == 2 and b"error: " in said and b"Traceback" not in said


def test_a_password_without_a_user_is_no_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    done = subprocess.run(
        [sys.executable, "-m", "genrelab_mqtt.main", f"--password-file={tmp_path / 'password'}"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and b"--user" in done.stderr and b"secret" not in done.stderr


def test_a_password_file_ends_with_a_line_break(broker: int, listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("secret \r\n")
    program = start(broker, f"--password-file={tmp_path / 'own'}", password="", stdin=subprocess.PIPE)
    listener.wait("genrelab/genrelab/available", "online")
    program.communicate(b"", timeout=60)
    assert program.returncode == 0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("trusted", [True, False])
def test_an_encrypted_connection(
    tmp_path: Path, free_port: int, authority: trustme.CA, host: str, trusted: bool
) -> None:
    own = authority.issue_cert("127.0.0.1")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    files = {"certfile": str(tmp_path / "broker.pem"), "keyfile": str(tmp_path / "broker.pem")}
    words = [f"--ca-file={tmp_path / 'ca.pem'}"] if trusted else []
    with running(free_port, tmp_path, ssl=True, **files) as port:
        program = start(
            port, "--tls", f"--host={host}", *words, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _, said = program.communicate(json.dumps(RECORD).encode() + b"\n", timeout=60)
    if trusted and host == "127.0.0.1":
        assert program.returncode == 0, said
    else:  # the certificate is that of another host, or of an authority that nobody knows
        assert program.returncode == 1 and b"certificate is not trusted" in said
        assert b"Traceback" not in said


def test_a_broker_that_starts_again(tmp_path: Path, free_port: int) -> None:
    with running(free_port, tmp_path):
        log = (tmp_path / "log").open("wb")
        program = start(free_port, stdin=subprocess.PIPE, stderr=log)
        first = Listener(free_port)
        first.wait("genrelab/genrelab/available", "online")
        first.close()
    wait_for(tmp_path / "log", b"is gone")
    program.stdin.write(json.dumps(RECORD).encode() + b"\n")  # is dropped
    program.stdin.flush()
    with running(free_port, tmp_path):
        again = Listener(free_port)
        again.wait("genrelab/genrelab/available", "online")
        assert "genrelab/genrelab/state" not in dict(again.found)
        program.stdin.write(json.dumps({**RECORD, "genre": "blues"}).encode() + b"\n")
        program.stdin.flush()
        assert json.loads(again.wait("genrelab/genrelab/state"))["genre"] == "blues"
        program.stdin.close()
        assert program.wait(60) == 0
        again.close()
    said = (tmp_path / "log").read_bytes()
    assert said.count(b"is gone") == said.count(b"is there again") == 1 and b"secret" not in said


def wait_for(file: Path, text: bytes) -> None:
    end = time.monotonic() + 60
    while text not in file.read_bytes():
        assert time.monotonic() < end, file.read_bytes()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "found"),
    [("Living room", "living_room"), ("Küche 1", "kuche_1"), ("Straße", "strasse"), ("a/+#$\0b", "a_b"),
     ("x" * 300, "x" * 300)],
)  # fmt: skip
def test_a_name_as_part_of_topics(name: str, found: str) -> None:
    assert device_id(name) == found


def test_names_in_other_scripts_are_devices_of_their_own() -> None:
    names = ("キッチン 1", "居間 1", "1", "Кухня", "Кухня 1", "مطبخ")
    found = {device_id(name) for name in names}
    assert len(found) == len(names)
    assert all(re.fullmatch("[a-z0-9_]+", each) for each in found)


def test_lines_that_are_no_records_are_passed_over_and_said_once() -> None:
    import io

    good = json.dumps(RECORD).encode()
    wrong = [
        {"confidence": float("nan")},
        {"confidence": 7},
        {"reason": [1]},
        {"genres": [{"genre": "jazz"}]},
        {"genres": [{"genre": "jazz", "probability": float("inf")}]},
    ]
    odd = [json.dumps({**RECORD, **each}).encode() for each in wrong]
    lines = b"\n".join(
        [
            *odd,
            b"[" * 100_000,
            b"text",
            b"[1]",
            b'{"genre": null}',
            b"\xff\xfe",
            b"",
            good,
            b"9" * (3 << 20),
            good,
        ]
    )
    said: list[str] = []
    assert [moment.genre for moment in moments(io.BytesIO(lines), said.append)] == ["jazz", "jazz"]
    assert len(said) == 1
