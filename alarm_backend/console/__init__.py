"""The operator's console: pages, live queue and map."""
