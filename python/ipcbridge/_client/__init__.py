"""The blocking client, and what both clients share: proxies, descriptions, outcomes."""
