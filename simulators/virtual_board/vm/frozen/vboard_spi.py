"""SPI of the virtual board; chip select is a pin, as on the ESP32."""

import struct

import _vboard
import vboard_ops as _ops


class SPI:
    """An SPI controller."""

    MSB, LSB = 0, 1

    def __init__(self, id=1, baudrate=500000, **settings):
        self._id = id if isinstance(id, int) and id >= 0 else 0
        self._byte = bytearray(1)
        self.init(baudrate, **settings)

    def init(self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        _vboard.post(_ops.SPI_SETUP, self._id, baudrate, struct.pack("<BBBB", polarity, phase, bits, firstbit))

    def deinit(self):
        pass

    def write(self, buf):
        _vboard.transact(_ops.SPI_TRANSFER, self._id, 0, buf, None)

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        _vboard.transact(_ops.SPI_TRANSFER, self._id, 0, write_buf, read_buf)

    def readinto(self, buf, write=0):
        for i in range(len(buf)):
            buf[i] = write
        _vboard.transact(_ops.SPI_TRANSFER, self._id, 0, buf, buf)

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)


SoftSPI = SPI
