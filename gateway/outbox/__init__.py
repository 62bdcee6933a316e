"""From the journal to the backend, again and again until it is stored; and the list for when the backend is away."""
