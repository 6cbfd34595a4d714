"""What pandas makes of a list of sales; served under the name `sales`."""

import pandas as pd

import ipcbridge as ipc

SALES = pd.DataFrame(
    {
        "city": ["Oslo", "Rome", "Oslo", "Lima", "Rome", "Oslo"],
        "item": ["tea", "cake", "cake", "tea", "tea", "tea"],
        "price": [2.5, 4.0, 4.5, 1.5, 2.0, 3.0],
    }
)


def by_city(item: str | None = None) -> pd.DataFrame:
    """For each city how many were sold, of one item or of all, and for how much."""
    sales = SALES if item is None else SALES[SALES["item"] == item]
    found = sales.groupby("city", as_index=False).agg(sold=("price", "size"), total=("price", "sum"))
    return found.astype({"sold": "int32"})  # int64 would be BigInts in JavaScript


with ipc.serve("sales", {"by_city": by_city}) as server:
    print("serving sales", flush=True)
    server.wait()
