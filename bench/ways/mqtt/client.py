"""paho, QoS 0, its network loop run by the calling thread; a reply topic of our own and an id in the payload."""

import os
from typing import Any

import paho.mqtt.client as paho
from envelope import decode, encode, request
from mqtt_link import link, subscribe

PIPELINE = True


class Client:
    def __init__(self, address: str) -> None:
        self._client, prefix = link(address)
        name = f"{os.getpid()}-{id(self):x}"
        self._topic = f"{prefix}/call/{name}"
        self._results: list[str] = []
        self._next = 0
        self._client.on_message = self._on_message
        subscribe(self._client, f"{prefix}/reply/{name}")

    def call(self, text: str) -> str:
        self._next += 1
        self._client.publish(self._topic, encode([self._next, "upper", [text]]))
        return self.take()[0]

    def post(self, count: int) -> None:
        for _ in range(count):
            self._next += 1
            self._client.publish(self._topic, request(self._next))

    def take(self) -> list[str]:
        while not self._results:
            if self._client.loop(1) != paho.MQTT_ERR_SUCCESS:
                raise ConnectionError("the broker closed the connection")
        results, self._results = self._results, []
        return results

    def close(self) -> None:
        self._client.disconnect()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._results.append(decode(message.payload)[1])


def connect(address: str, _command: dict[str, Any]) -> Client:
    return Client(address)
