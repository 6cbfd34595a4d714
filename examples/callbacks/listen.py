"""Subscribes to the events of shop.mjs, which are those of an EventEmitter in Node.js."""

import queue

import ipcbridge as ipc

orders: queue.Queue[dict] = queue.Queue()

with ipc.connect("shop") as shop, ipc.retain(orders.put) as listener:
    shop.on("order", listener)
    shop.order("tea", 2)
    shop.order("cake")
    for _ in range(2):
        order = orders.get(timeout=10)
        print(f"{order['count']} x {order['item']}")
