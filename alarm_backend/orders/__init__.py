"""Court orders as the backend shows them; the gateway enforces them."""
