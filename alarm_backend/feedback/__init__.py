"""What users and venue staff say about the bracelet: a few choices, no text, no identity, no time finer than a day."""
