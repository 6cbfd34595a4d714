"""The bytes as a payload of QoS 0 on PREFIX/call/CLIENT, their number on PREFIX/reply/CLIENT: paho, as in client.py."""

import os
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from mqtt_link import link, subscribe


class Client:
    def __init__(self, address: str) -> None:
        self._client, prefix = link(address)
        name = f"{os.getpid()}-{id(self):x}"
        self._topic = f"{prefix}/call/{name}"
        self._replies: list[int] = []
        self._client.on_message = lambda _client, _data, message: self._replies.append(int(message.payload))
        subscribe(self._client, f"{prefix}/reply/{name}")

    def count_bytes(self, data: bytes) -> int:
        self._client.publish(self._topic, data)
        while not self._replies:
            if self._client.loop(1) != paho.MQTT_ERR_SUCCESS:
                raise ConnectionError("the broker closed the connection")
        return self._replies.pop()

    def close(self) -> None:
        self._client.disconnect()


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)


def serve(address: str, ready: Callable[[], None]) -> None:
    client, prefix = link(address)
    start = len(f"{prefix}/call/")

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        client.publish(f"{prefix}/reply/{message.topic[start:]}", str(len(message.payload)))

    client.on_message = on_message
    subscribe(client, f"{prefix}/call/+")
    ready()
    client.loop_forever()
