"""Commands of the AD5941 sequencer for square-wave voltammetry, and the CRC that proves they ran (ad5941.md section 9).

One half period: set LPDACDAT0, wait, convert, wait, stop. The write takes one clock, a wait of n takes n clocks.
"""

from firmware.drivers.ad5941_registers import AFE_ADC_ON, AFE_CONVERTING, AFECON, AFEGENINTSTA, LPDACDAT0, SEQCON

COMMANDS_PER_HALF = 5
COMMANDS_PER_POINT = 10
POINTS_PER_BLOCK = 50
_WRITE = 0x80000000


def write_command(address: int, value: int) -> int:
    """The command that writes `value` (24 bits) to `address` (0x2000..0x21FC)."""
    return _WRITE | (address >> 2 & 0x7F) << 24 | value & 0xFFFFFF


def half_waits(half_period_clocks: int, first: int, second: int) -> tuple:
    """(settle, convert) waits in clocks that make one half period exactly, sampling at its end.

    The conversion stops halfway between its first and its second result, so that it leaves exactly one.
    """
    convert = (first + second) // 2
    return half_period_clocks - convert - 3, convert


def half_commands(lpdac_word: int, settle: int, convert: int) -> tuple:
    """The five commands of one half period."""
    return (
        write_command(LPDACDAT0, lpdac_word),
        settle,
        write_command(AFECON, AFE_CONVERTING),
        convert,
        write_command(AFECON, AFE_ADC_ON),
    )


def block_end(slot: int, last: bool) -> tuple:
    """What ends a block: raise CUSTOM0 or CUSTOM1; the last one also disables the sequencer, which raises SEQ_END."""
    raised = write_command(AFEGENINTSTA, 1 << slot)
    return (raised, write_command(SEQCON, 0)) if last else (raised,)


def _crc_table() -> bytes:
    table = bytearray(256)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        table[byte] = crc
    return bytes(table)


_TABLE = _crc_table()


def crc8(crc: int, command: int) -> int:
    """CRC-8 (x^8 + x^2 + x + 1) of one command, most significant byte first; start with 1."""
    table = _TABLE
    crc = table[crc ^ (command >> 24 & 0xFF)]
    crc = table[crc ^ (command >> 16 & 0xFF)]
    crc = table[crc ^ (command >> 8 & 0xFF)]
    return table[crc ^ (command & 0xFF)]
