"""Length-prefixed JSON over a Unix socket: what one writes by hand instead."""

import json
import os
import socket
import struct
import threading

_LENGTH = struct.Struct("<I")


def _receive(connection, size):
    data = connection.recv(size)
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _read(connection):
    return json.loads(_receive(connection, _LENGTH.unpack(_receive(connection, 4))[0]))


def _write(connection, message):
    body = json.dumps(message).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def serve_json(path, function):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve():
        connection, _ = listener.accept()
        try:
            while True:
                request = _read(connection)
                _write(connection, {"id": request["id"], "result": function(*request["args"])})
        except (EOFError, OSError):
            os.close(connection.detach())

    threading.Thread(target=serve, daemon=True).start()


def connect_json(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    last = 0

    def call(*args):
        nonlocal last
        last += 1
        _write(connection, {"id": last, "args": args})
        return _read(connection)["result"]

    return call
