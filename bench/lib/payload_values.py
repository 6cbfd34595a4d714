"""The large values, the same as in payload_values.mjs."""

from typing import Any


def payload(size: int) -> bytes:
    """As many bytes, no two neighbours alike."""
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def records(count: int) -> list[dict[str, Any]]:
    """As a service of users would list them: 20 fields each."""
    return [
        {
            "id": i,
            "name": f"name of number {i}",
            "email": f"user{i}@example.com",
            "active": i % 3 != 0,
            "score": i * 0.5,
            "balance": -i * 1.25,
            "age": 18 + i % 60,
            "city": f"city {i % 100}",
            "country": ("de", "fr", "it", "pl")[i % 4],
            "zip": f"{10000 + i}",
            "created": "2026-01-02T03:04:05Z",
            "manager": i % 50 if i % 7 else None,
            "latitude": 48.125 + i / 1024,
            "longitude": 11.5 + i / 2048,
            "visits": i * 1000,
            "level": i % 10,
            "note": "some words that somebody has written here",
            "phone": f"+49 89 {1000000 + i}",
            "premium": i % 2 == 0,
            "rating": i % 5 + 0.5,
        }
        for i in range(count)
    ]
