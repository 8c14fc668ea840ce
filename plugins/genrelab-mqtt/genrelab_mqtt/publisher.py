"""Publish moments: two topics per device, and what Home Assistant needs to find it.

`TOPIC/DEVICE/state` has a JSON object and is retained; `TOPIC/DEVICE/available` is `online` while the program
runs, and `offline` after it, also after a crash: the broker says so in its place (the "last will").
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
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
    authority : Path or None
        Certificate of the authority to trust, in place of those that the system trusts.
    """

    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = None
    tls: bool = False
    authority: Path | None = None


def device_id(name: str) -> str:
    """Return a name as the part of topics that it is: letters a to z, digits and `_`.

    A name with letters of other scripts gets the beginning of a digest, so that no two of them are the same.

    Raises
    ------
    ValueError
        If the name has no letters or digits.

    Examples
    --------
    >>> device_id("Living room"), device_id("Küche 1"), device_id("キッチン 1")
    ('living_room', 'kuche_1', '1_1b6c62fc')
    """
    if not any(each.isalnum() for each in name):
        raise ValueError(f"the name {name!r} has no letters or digits")
    bare = [
        each for each in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(each)
    ]
    found = re.sub("[^a-z0-9]+", "_", "".join(bare)).strip("_")
    if any(each.isalnum() and not each.isascii() for each in bare):
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        found = f"{found}_{digest}".strip("_")
    return found


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
    report : function
        Is given a sentence when the connection breaks, and when it is there again.

    Raises
    ------
    ValueError
        If the name or a topic cannot be used.
    """

    def __init__(
        self, broker: Broker, *, name: str, topic: str, discovery: str, report: Callable[[str], None]
    ) -> None:
        self._device = device_id(name)
        for each in (topic, discovery):
            if _FORBIDDEN.search(each) or each.startswith(("/", "$")):
                raise ValueError(f"{each!r} cannot be a topic: it has +, # or begins with / or $")
        if not topic:
            raise ValueError("the topic is empty")
        self._name, self._discovery = name, discovery.strip("/")
        self._topic = f"{topic.strip('/')}/{self._device}"
        self._broker, self._report = broker, report
        port = broker.port or (8883 if broker.tls else 1883)
        self._port, self._where = port, f"the broker {broker.host}:{port}"
        self._answered, self._refused, self._lost = threading.Event(), "", False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"genrelab_{self._device}")
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.will_set(f"{self._topic}/available", "offline", qos=1, retain=True)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            try:
                self._client.tls_set(ca_certs=None if broker.authority is None else str(broker.authority))
            except OSError as error:  # that of a file that is no certificate has no name of a file
                raise ValueError(f"the certificate {broker.authority} cannot be used: {error}") from error

    def __enter__(self) -> Self:
        where = self._where
        try:
            self._client.connect(self._broker.host, self._port)
        except ssl.SSLCertVerificationError as error:
            why = f"its certificate is not trusted: {error.verify_message}"
            raise PublishError(f"{where} is not used: {why}. See --ca-file") from error
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
        if self._lost and not self._refused:
            self._lost = False
            self._report(f"note: {self._where} is there again")
        if not self._refused:
            if self._discovery:
                for field, config in self._configs().items():
                    topic = f"{self._discovery}/sensor/genrelab_{self._device}/{field}/config"
                    client.publish(topic, json.dumps(config), qos=1, retain=True)
            client.publish(f"{self._topic}/available", "online", qos=1, retain=True)
        self._answered.set()

    def _disconnected(self, client: mqtt.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
        """Say once that the connection is gone; paho tries again until it is there."""
        if code.is_failure and not self._lost and not self._refused:
            self._lost = True
            self._report(
                f"note: the connection to {self._where} is gone ({code}) and is tried again. If that happens "
                "again and again, another program has the same --name"
            )

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
