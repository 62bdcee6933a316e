"""Orders in the making: drafted by one person, reviewed with figures beside it, signed off by another."""
