"""Of the rows with large values."""

GIB = 2**30
LIMITS = {"max_message_bytes": GIB, "max_pending_bytes": 2 * GIB}
SERVE_LIMITS = {**LIMITS, "max_bytes_per_user": 4 * GIB}
