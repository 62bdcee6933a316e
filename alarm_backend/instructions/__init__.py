"""Work instructions: what an operator does about an alarm of each kind, and whom he may call."""
