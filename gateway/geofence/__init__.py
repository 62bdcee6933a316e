"""The decision core: `step(state, event, now_ms) -> (state, effects)`. Pure; no clock, no I/O."""
