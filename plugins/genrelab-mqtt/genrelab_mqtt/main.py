"""`genrelab-mqtt`: read lines from standard input, publish them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from genrelab_mqtt.lines import moments
from genrelab_mqtt.publisher import Broker, Publisher, PublishError

_EXAMPLE = "Example: genrelab listen --format jsonl | genrelab-mqtt --host homeassistant.local --user music"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Returns
    -------
    int
        0 when the input ends; 1 if the broker refuses or is not there; 2 for wrong use; 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser("genrelab-mqtt", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--host", default="localhost", help="the broker (default: localhost)")
    parser.add_argument("--port", type=_port, help="default: 1883, or 8883 with --tls")
    parser.add_argument(
        "--user", help="name of the user; the password is in $GENRELAB_MQTT_PASSWORD or --password-file"
    )
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="a file that only you can read")
    parser.add_argument("--tls", action="store_true", help="encrypt, and check the broker's certificate")
    parser.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="with --tls, trust this authority (PEM) alone"
    )
    parser.add_argument(
        "--name", default="genrelab", help="of the device, such as 'Kitchen' (default: genrelab)"
    )
    parser.add_argument("--topic", default="genrelab", help="first part of the topics (default: genrelab)")
    parser.add_argument("--discovery", default="homeassistant", help="prefix of Home Assistant; '' for none")
    given = parser.parse_args(arguments)
    try:
        if given.ca_file is not None and not given.tls:
            raise ValueError("--ca-file needs --tls")
        if given.password_file is not None and given.user is None:
            raise ValueError("--password-file needs --user")
        password = _password(given.password_file)
        broker = Broker(given.host, given.port, given.user, password, tls=given.tls, authority=given.ca_file)
        with Publisher(
            broker, name=given.name, topic=given.topic, discovery=given.discovery, report=_note
        ) as publisher:
            for moment in moments(sys.stdin.buffer, _note):
                publisher.publish(moment)
    except PublishError as error:
        _note(f"error: {error}")
        return 1
    except ValueError as error:
        _note(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise ValueError(text)
    return number


def _password(file: Path | None) -> str | None:
    """Return the password; never from the command line, which other users can see.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    if file is None:
        return os.environ.get("GENRELAB_MQTT_PASSWORD")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise ValueError(f"the password in {file} cannot be read: {error}") from error


def _note(text: str) -> None:
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    print(shown, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
