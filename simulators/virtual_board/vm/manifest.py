"""What is frozen into the VM: asyncio as on the ESP32, and the board's own modules, so that they take no heap."""

include("$(MPY_DIR)/extmod/asyncio")  # noqa: F821
freeze("frozen")  # noqa: F821
