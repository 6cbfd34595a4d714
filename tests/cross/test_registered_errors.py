"""Own error classes that both sides have registered arrive as themselves, in every pair of languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from programs import run, running

CLASS = {
    "node": """
        class UserMissing extends Error {
          constructor(user) {
            super(`no user ${user}`)
            Object.assign(this, { user, tried: [1, 2] })
          }
        }
        ipc.registerError(UserMissing)
        class Stopped extends ipc.IpcError {
          constructor() { super('aborted', 'stopped', { step: 3 }) }
        }
        ipc.registerError(Stopped, 'app.Stopped')
    """,
    "python": """
@ipc.register_error
class UserMissing(Exception):
    def __init__(self, user):
        super().__init__(f"no user {user}")
        self.user, self.tried = user, [1, 2]

class Stopped(ipc.IpcError):
    def __init__(self):
        super().__init__("aborted", "stopped", {"step": 3})

ipc.register_error(Stopped, "app.Stopped")
""",
}
SERVE = {
    "node": """
        const find = user => { throw new UserMissing(user) }
        const stop = async () => { throw new Stopped() }
        await ipc.serve('users', { find, stop }, { onError() {} })
        console.log('up')
    """,
    "python": """
def find(user):
    raise UserMissing(user)

async def stop():
    raise Stopped

ipc.serve("users", {"find": find, "stop": stop}, on_error=lambda error, method: None)
print("up", flush=True)
input()
""",
}
CALL = {
    "node": """
        const users = await ipc.connect('users')
        const missing = await users.find('ada').catch(error => error)
        const { message, user, tried, remoteStack } = missing
        const stopped = await users.stop().catch(error => error)
        const { code, details } = stopped
        console.log(JSON.stringify([
          [missing instanceof UserMissing, message, user, tried, remoteStack.includes('find')],
          [stopped instanceof Stopped, stopped.message, code, details],
        ]))
    """,
    "python": """
import json

def error_of(call, *args):
    try:
        call(*args)
    except Exception as error:
        return error

users = ipc.connect("users")
missing, stopped = error_of(users.find, "ada"), error_of(users.stop)
print(json.dumps([
    [type(missing) is UserMissing, str(missing), missing.user, missing.tried, "find" in missing.remote_traceback],
    [type(stopped) is Stopped, str(stopped), stopped.code, stopped.details],
]))
""",
}
# Of one who has not registered the class.
SEE = {
    "node": """
        const users = await ipc.connect('users')
        const error = await users.find('ada').catch(reason => reason)
        console.log(error instanceof ipc.RemoteError, error.type, error.attributes.user)
    """,
    "python": """
try:
    ipc.connect("users").find("ada")
except ipc.RemoteError as error:
    print("true", error.type, error.attributes["user"])
""",
}


@pytest.mark.parametrize("server", CLASS)
@pytest.mark.parametrize("client", CLASS)
def test_a_registered_class_arrives_as_itself(client: str, server: str, directory: Path) -> None:
    with running(server, CLASS[server] + SERVE[server]):
        done = run(client, CLASS[client] + CALL[client])
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    assert told == [[True, "no user ada", "ada", [1, 2], True], [True, "stopped", "aborted", {"step": 3}]]


@pytest.mark.parametrize("client", CLASS)
def test_a_class_that_only_one_side_has_registered_arrives_as_a_remote_error(client: str, directory: Path) -> None:
    server = "python" if client == "node" else "node"
    with running(server, CLASS[server] + SERVE[server]):
        done = run(client, SEE[client])
    assert done.stdout.split() == ["true", "UserMissing", "ada"], done.stderr
