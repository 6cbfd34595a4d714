"""Tables as bytes, well formed and not, which both languages read: make_tables.py makes them."""

from __future__ import annotations

import json
from pathlib import Path

VECTORS = json.loads((Path(__file__).parent / "tables.json").read_text())
