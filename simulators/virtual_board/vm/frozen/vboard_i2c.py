"""I2C of the virtual board."""

import _vboard
import vboard_ops as _ops


class I2C:
    """An I2C controller. Raises OSError(ENODEV) when nobody acknowledges, OSError(ETIMEDOUT) when the bus is stuck."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._id = id if isinstance(id, int) and id >= 0 else 0

    def init(self, *, scl=None, sda=None, freq=400000, timeout=50000):
        pass

    def deinit(self):
        pass

    def scan(self):
        return [a for a in range(0x08, 0x78) if _vboard.transact(_ops.I2C_WRITE, self._id, a, b"") == 0]

    def writeto(self, addr, buf, stop=True):
        status = _vboard.transact(_ops.I2C_WRITE, self._id, addr | (0 if stop else 0x8000), buf)
        if status:
            raise OSError(status)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(v) for v in vector), stop)

    def readfrom_into(self, addr, buf, stop=True):
        status = _vboard.transact(_ops.I2C_READ, self._id, addr | len(buf) << 16, None, buf)
        if status:
            raise OSError(status)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def _register(self, memaddr, addrsize):
        return memaddr.to_bytes(addrsize // 8, "big")

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, self._register(memaddr, addrsize), False)
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, self._register(memaddr, addrsize) + bytes(buf))


SoftI2C = I2C
