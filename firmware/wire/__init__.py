"""The contract between tracker, gateway and backend: codec, messages, frames, topics, records."""
