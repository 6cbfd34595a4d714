"""paho driven by the thread that needs it, which spares the hop to its network thread."""

import socket
from urllib.parse import urlsplit

import paho.mqtt.client as paho


def link(address: str) -> tuple[paho.Client, str]:
    """A connected client and the topic prefix of the address."""
    url = urlsplit(address)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    client.max_inflight_messages_set(0)
    connected = []
    client.on_connect = lambda *_: connected.append(True)
    client.connect(url.hostname or "127.0.0.1", url.port or 1883)
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while not connected:
        client.loop(1)
    return client, url.path[1:]


def subscribe(client: paho.Client, topic: str) -> None:
    done = []
    client.on_subscribe = lambda *_: done.append(True)
    client.subscribe(topic)
    while not done:
        client.loop(1)
