"""Plots what a Node.js process (timers.mjs) measures, as a PNG.

node examples/plot/timers.mjs &
python examples/plot/plot.py timers.png 1000
"""

import sys

import numpy
from matplotlib.figure import Figure

import ipcbridge as ipc

path = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000

with ipc.connect("timers") as timers:
    measured = timers.lateness(count)  # typed arrays there, numpy arrays here
started, late = measured["started"], measured["late"]

figure = Figure(figsize=(9, 4), layout="constrained")
over_time, spread = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
over_time.plot(started / 1000, late, linewidth=0.8)
over_time.set(title=f"{count} timers of Node.js", xlabel="started, s", ylabel="late, ms")
spread.hist(late, bins=40, orientation="horizontal")
spread.axhline(numpy.median(late), color="black", linewidth=0.8)
spread.set(title=f"median {numpy.median(late):.2f} ms", xlabel="timers")
figure.savefig(path, dpi=100)
print(f"plotted {len(late)} timers to {path}")
