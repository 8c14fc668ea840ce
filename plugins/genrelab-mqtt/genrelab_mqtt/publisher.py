"""Publish moments: two topics per device, and what Home Assistant needs to find it.

`TOPIC/DEVICE/state` has a JSON object and is retained; `TOPIC/DEVICE/available` is `online` while the program
runs, and `offline` after it, also after a crash: the broker says so in its place (the "last will").
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from genrelab_mqtt.lines import Moment

_CONNECT_SECONDS = 15.0
_FORBIDDEN = re.compile(r"[+#\0]")


class PublishError(Exception):
    """The broker refuses, or is not there."""


@dataclass(frozen=True)
class Broker:
    """Where to publish.

    Attributes
    ----------
    host : str
    port : int or None
        None means 1883, or 8883 with `tls`.
    user, password : str or None
    tls : bool
    """

    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = None
    tls: bool = False


class Publisher:
    """A connection to a broker, opened by `with`; it is opened again when it breaks.

    Parameters
    ----------
    broker : Broker
    name : str
        Of the device, for people.
    topic : str
        First part of the topics.
    discovery : str
        Prefix of the topics of Home Assistant; empty for none.

    Raises
    ------
    ValueError
        If the name or a topic cannot be used.
    """

    def __init__(self, broker: Broker, *, name: str, topic: str, discovery: str) -> None:
        self._device = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
        if not self._device:
            raise ValueError(f"the name {name!r} has no letters or digits")
        for each in (topic, discovery):
            if _FORBIDDEN.search(each) or each.startswith(("/", "$")):
                raise ValueError(f"{each!r} cannot be a topic: it has +, # or begins with / or $")
        self._name, self._discovery = name, discovery.strip("/")
        self._topic = f"{topic.strip('/')}/{self._device}"
        self._broker = broker
        self._answered, self._refused = threading.Event(), ""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"genrelab_{self._device}")
        self._client.on_connect = self._connected
        self._client.will_set(f"{self._topic}/available", "offline", qos=1, retain=True)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set()

    def __enter__(self) -> Self:
        port = self._broker.port or (8883 if self._broker.tls else 1883)
        where = f"the broker {self._broker.host}:{port}"
        try:
            self._client.connect(self._broker.host, port)
        except (OSError, ValueError) as error:
            raise PublishError(f"{where} is not there: {error}") from error
        self._client.loop_start()
        if not self._answered.wait(_CONNECT_SECONDS):
            self._client.loop_stop()
            raise PublishError(f"{where} does not answer as a broker does")
        if self._refused:
            self._client.loop_stop()
            raise PublishError(f"{where} refuses: {self._refused}. Check --user and the password")
        return self

    def __exit__(self, *_: object) -> None:
        self._send("available", "offline")
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, moment: Moment) -> None:
        """Publish what was heard; what is heard while the broker is gone is dropped."""
        if self._client.is_connected():
            self._client.publish(f"{self._topic}/state", json.dumps(asdict(moment)), qos=0, retain=True)

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
        """Introduce the device, each time that a connection is there."""
        self._refused = str(code) if code.is_failure else ""
        if not self._refused:
            if self._discovery:
                for field, config in self._configs().items():
                    topic = f"{self._discovery}/sensor/genrelab_{self._device}/{field}/config"
                    client.publish(topic, json.dumps(config), qos=1, retain=True)
            client.publish(f"{self._topic}/available", "online", qos=1, retain=True)
        self._answered.set()

    def _configs(self) -> dict[str, dict[str, Any]]:
        """Return the two sensors that Home Assistant shows."""
        shared = {
            "state_topic": f"{self._topic}/state",
            "availability_topic": f"{self._topic}/available",
            "device": {"identifiers": [f"genrelab_{self._device}"], "name": self._name, "model": "genrelab"},
        }
        return {
            "genre": {
                **shared,
                "name": "Genre",
                "unique_id": f"genrelab_{self._device}_genre",
                "value_template": "{{ value_json.genre }}",
                "json_attributes_topic": f"{self._topic}/state",
                "icon": "mdi:music",
            },
            "confidence": {
                **shared,
                "name": "Confidence",
                "unique_id": f"genrelab_{self._device}_confidence",
                "value_template": "{{ (value_json.confidence * 100) | round(0) }}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "icon": "mdi:gauge",
            },
        }

    def _send(self, part: str, text: str) -> None:
        """Publish, and wait for the broker's receipt for a moment."""
        if self._client.is_connected():
            sent = self._client.publish(f"{self._topic}/{part}", text, qos=1, retain=True)
            end = time.monotonic() + 5
            while not sent.is_published() and time.monotonic() < end:
                time.sleep(0.02)
