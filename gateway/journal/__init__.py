"""What the gateway must not lose: messages, states, transitions to send, and what it could not use."""
