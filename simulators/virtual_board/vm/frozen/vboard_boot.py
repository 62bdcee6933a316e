"""Starts the board inside the VM: flash as `/`, host folder as `/host`, boot.py, main.py, REPL."""

import gc
import os
import sys

import _vboard
import micropython
import vfs

EXIT_SOFT_RESET = 10
EXIT_SOFT_RESET_RAW = 11
EXIT_POWER_CUT = 72


def mount_flash():
    """Mount the LittleFS of the flash image as `/`; a blank flash gets a new file system, as on the ESP32."""
    sectors = int(os.getenv("VB_SECTORS"))
    rom_sectors = int(os.getenv("VB_ROM_SECTORS"))
    _vboard.open_flash(os.getenv("VB_FLASH"), sectors + rom_sectors, EXIT_POWER_CUT)
    device = _vboard.Flash(0, sectors)
    if os.getenv("VB_FORMAT") == "1":
        vfs.VfsLfs2.mkfs(device)
    # Armed after formatting, before mounting: a cut hits the board's own writes, never the factory's.
    _vboard.cut_in(int(os.getenv("VB_CUT_AT") or 0))
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(device), "/")
    if rom_sectors:
        _vboard.set_rom(sectors, rom_sectors)
        try:
            vfs.mount(vfs.VfsRom(vfs.rom_ioctl(2, 0)), "/rom")
        except OSError:
            return False  # nothing deployed there yet
    return rom_sectors > 0


def start():
    """Boot like the ESP32: boot.py, main.py unless the REPL is in raw mode, then the REPL until a soft reset."""
    micropython.kbd_intr(-1)
    _vboard.attach(int(os.getenv("VB_LINK")), int(os.getenv("VB_EVENTS")))
    host = os.getenv("VB_HOST")
    host = vfs.VfsPosix(host) if host else None
    rom = mount_flash()
    if host:
        vfs.mount(host, "/host")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    if rom:
        sys.path += ["/rom", "/rom/lib"]
    if host:
        sys.path.append("/host")
    _vboard.raw_mode(os.getenv("VB_RAW") == "1")
    if os.getenv("VB_INSTALL"):
        del sys.modules["vboard_boot"]
        import vboard_install

        vboard_install.run(int(os.getenv("VB_INSTALL")))
        _vboard.exit(0)
    gc.collect()
    # pyexec says 0 for an exception, 1 for done and 0x100 for SystemExit; a missing boot.py is done.
    boot = _vboard.run_file("boot.py") if exists("boot.py") else 1
    forced = boot & 0x100
    main = os.getenv("VB_MAIN") or "main.py"
    if not forced and boot and not _vboard.raw_mode() and exists(main):
        forced = _vboard.run_file(main) & 0x100
    while not forced:
        forced = _vboard.repl()
    sys.stdout.write("MPY: soft reboot\n")
    _vboard.exit(EXIT_SOFT_RESET_RAW if _vboard.raw_mode() else EXIT_SOFT_RESET)


def exists(name):
    """Whether the flash has that file."""
    try:
        os.stat(name)
    except OSError:
        return False
    return True


start()
