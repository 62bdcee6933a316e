"""Firmware updates: two slots in the `romfs` partition, a signed package, a trial boot, and the way back.

The same files are the boot part (`/lib/wzboot` on the file system, put there by the factory and never updated) and
`firmware.update` inside a slot. Relative imports only.
"""
