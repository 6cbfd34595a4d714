"""paho, QoS 0: requests on PREFIX/call/CLIENT, replies on PREFIX/reply/CLIENT."""

from collections.abc import Callable

import paho.mqtt.client as paho
from envelope import answer
from mqtt_link import link, subscribe


def serve(address: str, ready: Callable[[], None]) -> None:
    client, prefix = link(address)
    start = len(f"{prefix}/call/")

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        client.publish(f"{prefix}/reply/{message.topic[start:]}", answer(message.payload))

    client.on_message = on_message
    subscribe(client, f"{prefix}/call/+")
    ready()
    client.loop_forever()
