"""One module per benchmark: `run(seed, quick) -> Report`."""
