"""Streams of arrays from Python to Node.js, where each gives way to the next."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pytest
from programs import run, running

import ipcbridge as ipc

# A frame has 6 MB.
CAMERA = """
import numpy
import sys

def ordinary(count):
    for number in range(count):
        yield numpy.full((1080, 1920, 3), number % 256, dtype="uint8")

def pooled(count):
    for number in range(count):
        frame = ipc.alloc((1080, 1920, 3), "uint8")
        frame[:] = number % 256
        yield {"number": number, "frame": frame}
        del frame

def mappings():
    with open("/proc/self/maps") as maps:
        return sum("memfd:ipcbridge" in line for line in maps)

with ipc.serve("camera", {"ordinary": ordinary, "pooled": pooled, "mappings": mappings}):
    print("ready", flush=True)
    sys.stdin.read()
"""

READER = """
import { readFileSync } from 'node:fs'
const camera = await ipc.connect('camera')
const mappings = () => readFileSync('/proc/self/maps', 'utf8').split('memfd:ipcbridge').length - 1
const seen = [] // nothing is collected
let [number, most] = [0, 0]
for await (const item of camera.METHOD(300)) {
  const frame = item.frame ?? item
  seen.push(frame)
  if ([frame.at(0, 0, 0), frame.at(-1, -1, -1)].some(each => each !== number % 256)) throw new Error(`not ${number}`)
  if (++number % 50 === 0) most = Math.max(most, mappings(), await camera.mappings())
}
console.log(JSON.stringify({ number, most, left: seen.filter(({ data }) => data.length > 0).length }))
await ipc.close(camera)
"""


@pytest.mark.parametrize("method", ["ordinary", "pooled"])
def test_frames_from_python_take_the_same_few_segments_all_the_time(directory: Any, method: str) -> None:
    with running("python", CAMERA):
        done = run("node", READER.replace("METHOD", method))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Of the rings and some segments, each of which is mapped twice; 300 frames would be 450.
    assert told["most"] <= 14, told
    assert (told["number"], told["left"]) == (300, 0)


SERVICE = """
await ipc.serve('node', {
  async lengths(frames) {
    const seen = []
    for await (const frame of frames) seen.push(frame)
    return seen.map(frame => frame.length)
  },
  async kept(frames) {
    const seen = []
    for await (const frame of frames) seen.push(ipc.retain(frame))
    return seen.map(frame => frame.at(-1))
  },
  async *passed(frames) { for await (const frame of frames) yield { frame } },
  whole: frames => frames,
})
console.log('ready')
"""


def frames(count: int) -> Any:
    for number in range(count):
        yield numpy.full(10_000, number, dtype="float64")


def test_arrays_of_a_stream_that_python_passes_are_there_until_the_next_is_asked_for(directory: Any) -> None:
    with running("node", SERVICE), ipc.connect("node") as node:
        assert node.lengths(frames(5)) == [0] * 5
        assert node.kept(frames(5)) == [0, 1, 2, 3, 4]


def test_arrays_pass_through_node_and_all_stay_in_python(directory: Any) -> None:
    with running("node", SERVICE), ipc.connect("node") as node:
        for items in (list(node.whole(frames(50))), [item["frame"] for item in node.passed(frames(50))]):
            assert [(item[0], item[-1], len(item)) for item in items] == [(i, i, 10_000) for i in range(50)]
