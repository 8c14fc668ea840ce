"""The program against a real broker (amqtt) on the loopback, and a real `genrelab listen`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from amqtt.broker import Broker as RealBroker
from genrelab_mqtt.lines import moments
from pwdlib.hashers.argon2 import Argon2Hasher

BIN = Path(sys.executable).parent
RECORD = {
    "time": 1.0, "start": 0.0, "genre": "jazz", "confidence": 0.75, "reason": None, "behind": 0, "model": "m",
    "genres": [{"genre": "jazz", "probability": 0.75}, {"genre": "blues", "probability": 0.2}],
    "tags": [{"kind": "mood", "name": "calm", "probability": 0.9, "present": True},
             {"kind": "mood", "name": "dark", "probability": 0.1, "present": False}],
}  # fmt: skip


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """A broker that wants the password `secret` of the user `music`; its port."""
    (tmp_path / "passwords").write_text(f"music:{Argon2Hasher().hash('secret')}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(tmp_path / "passwords")}
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


class Listener:
    """Collects what a broker publishes."""

    def __init__(self, port: int) -> None:
        self.found: list[tuple[str, str]] = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.username_pw_set("music", "secret")
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


def start(port: int, *words: str, password: str = "secret", **streams: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "genrelab_mqtt.main", "--host=127.0.0.1", f"--port={port}", "--user=music",
         *words],
        env={**os.environ, "GENRELAB_MQTT_PASSWORD": password}, **streams,
    )  # fmt: skip


def test_states_discovery_and_availability(broker: int, listener: Listener) -> None:
    program = start(broker, "--name=Küche 1", stdin=subprocess.PIPE)
    program.stdin.write(json.dumps(RECORD).encode() + b"\n")
    program.stdin.flush()
    state = json.loads(listener.wait("genrelab/k_che_1/state"))
    assert (state["genre"], state["confidence"], state["tags"]) == ("jazz", 0.75, ["mood:calm"])
    assert state["genres"] == RECORD["genres"]
    assert listener.wait("genrelab/k_che_1/available") == "online"
    config = json.loads(listener.wait("homeassistant/sensor/genrelab_k_che_1/genre/config"))
    assert config["state_topic"] == "genrelab/k_che_1/state"
    assert config["availability_topic"] == "genrelab/k_che_1/available"
    assert config["device"]["name"] == "Küche 1"
    share = json.loads(listener.wait("homeassistant/sensor/genrelab_k_che_1/confidence/config"))
    assert share["unit_of_measurement"] == "%" and share["unique_id"] != config["unique_id"]
    program.stdin.close()
    assert program.wait(60) == 0
    listener.wait("genrelab/k_che_1/available", "offline")


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


@pytest.mark.parametrize("word", ["--name=!!", "--topic=a/#", "--password-file=/none/of/this"])
def test_wrong_use(word: str) -> None:
    program = start(1, word, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, said = program.communicate(b"", timeout=60)
    assert program.returncode == 2 and said.startswith(b"error: ")


def test_lines_that_are_no_records_are_passed_over_and_said_once() -> None:
    import io

    good = json.dumps(RECORD).encode()
    lines = b"\n".join([b"text", b"[1]", b'{"genre": null}', b"\xff\xfe", b"", good, b"9" * (3 << 20), good])
    said: list[str] = []
    assert [moment.genre for moment in moments(io.BytesIO(lines), said.append)] == ["jazz", "jazz"]
    assert len(said) == 1
