"""Where the parties of an order are and were."""
