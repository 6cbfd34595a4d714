"""Runs cells in a Jupyter kernel: a line with each, in JSON, and a line with what it has printed, or why it failed."""

import json
import sys
import warnings

warnings.simplefilter("ignore")  # of nbclient's own dependencies

from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import CellExecutionError  # noqa: E402
from nbformat.v4 import new_code_cell, new_notebook  # noqa: E402

notebook = new_notebook()
client = NotebookClient(notebook, timeout=60, kernel_name="python3")
with client.setup_kernel():
    for line in sys.stdin:
        cell = new_code_cell(json.loads(line))
        notebook.cells.append(cell)
        try:
            client.execute_cell(cell, len(notebook.cells) - 1)
        except CellExecutionError as error:
            print(json.dumps(str(error)), flush=True)
        else:
            print(json.dumps("".join(output.get("text", "") for output in cell.outputs)), flush=True)
