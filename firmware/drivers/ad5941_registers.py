"""AD5941 register addresses and field values of the driver, by data sheet name (hardware/registers/ad5941.toml)."""

CHIP = "AD5941"

# SPI commands (ad5941.md section 1)
SPI_SET_ADDRESS = 0x20
SPI_WRITE = 0x2D
SPI_READ = 0x6D
SPI_READ_FIFO = 0x5F
WIDE_FIRST = 0x1000  # registers from here to WIDE_LAST take four data bytes, all others two
WIDE_LAST = 0x3014

ADIID = 0x0400
CHIPID = 0x0404
TRIGSEQ = 0x0430
AFECON = 0x2000
SEQCON = 0x2004
FIFOCON = 0x2008
SWCON = 0x200C
HSDACCON = 0x2010
WGCON = 0x2014
WGFCW = 0x2030
WGPHASE = 0x2034
WGOFFSET = 0x2038
WGAMPLITUDE = 0x203C
ADCFILTERCON = 0x2044
LPREFBUFCON = 0x2050
SEQCRC = 0x2060
SEQCNT = 0x2064
DATAFIFORD = 0x206C
CMDFIFOWRITE = 0x2070
DFTREAL = 0x2078
DFTIMAG = 0x207C
SINC2DAT = 0x2080
AFEGENINTSTA = 0x209C
ADCMIN = 0x20A8
ADCMAX = 0x20B0
DFTCON = 0x20D0
LPTIASW0 = 0x20E4
LPTIACON0 = 0x20EC
HSRTIACON = 0x20F0
DE0RESCON = 0x20F8
HSTIACON = 0x20FC
SEQSLPLOCK = 0x2118
SEQTRGSLP = 0x211C
LPDACDAT0 = 0x2120
LPDACSW0 = 0x2124
LPDACCON0 = 0x2128
DSWFULLCON = 0x2150
NSWFULLCON = 0x2154
PSWFULLCON = 0x2158
TSWFULLCON = 0x215C
BUFSENCON = 0x2180
ADCCON = 0x21A8
SEQ0INFO = 0x21CC
CMDFIFOWADDR = 0x21D4
CMDDATACON = 0x21D8
DATAFIFOTHRES = 0x21E0
SEQ1INFO = 0x21E8
FIFOCNTSTA = 0x2200
CALDATLOCK = 0x2230
INTCCLR = 0x3004
INTCSEL0 = 0x3008
INTCSEL1 = 0x300C
INTCFLAG1 = 0x3014
ADCBUFCON = 0x238C

ADIID_VALUE = 0x4144
CHIPIDS = (0x5502, 0x5501, 0x5500)
SLEEP_UNLOCK = 0xA47E5
CALDATLOCK_CLOSED = 0xDE87A5A0

# After every reset, in this order (ad5941.md section 2; values only where undocumented)
INIT = (
    (0x0908, 0x02C9),  # watchdog off
    (0x0C08, 0x206C),  # without it the READFIFO command does not work
    (0x21F0, 0x0010),  # repeat conversion off, count 1
    (0x0410, 0x02C9),  # stop unused clocks
    (0x0A28, 0x0009),  # wake on a falling CS
    (0x238C, 0x0104),  # ADC buffer
    (0x0A04, 0x4859),  # power key 1
    (0x0A04, 0xF27B),  # power key 2
    (0x0A00, 0x8009),  # keep SRAM, the sequencer may sleep, active
    (0x22F0, 0x0000),  # power mode and bandwidth
    (0x2230, 0xDE87A5AF),  # open calibration
    (0x2250, 0x103F),  # trim
    (0x22B0, 0x203C),  # trim
    (0x2230, 0xDE87A5A0),  # close calibration
)

# AFECON: SINC2 on, current limiter off (bit 19); high-power reference on (bit 5 is inverted)
AFE_IDLE = 0x90000
AFE_ADC_ON = 0x90080
AFE_CONVERTING = 0x90180
# High-speed path: DAC with its reference, excitation buffer and amplifier, HSTIA and ADC on; then the generator too;
# then conversion and DFT
AFE_EXCITATION = 0x190EC0
AFE_SINE = 0x194EC0
AFE_DFT = 0x19CFC0

# ADCCON inputs and gain code 1 (x1.5, the one calibrated at the factory; section 6)
ADC_LPTIA = 0x10221  # P = LPTIA0 out, N = LPTIA0 -
ADC_CELL_POTENTIAL = 0x11117  # P = VZERO0 (23), N = VBIAS0 (17): reads E itself
ADC_SUPPLY_HALF = 0x10808  # P = AVDD/2 (8), N = 1.11 V (8)
ADC_HSTIA = 0x10101  # P = HSTIA out (1), N = HSTIA - (1)
ADC_EXCITATION = 0x11424  # P = excitation P node (36), N = excitation N node (20): the voltage across what is measured

LPDAC_ON = 0x01
LPDAC_OFF = 0x02
LPDAC_TO_LOOP = 0x34  # override, VBIAS to the PA, VZERO to the TIA; pins with their capacitors left open
SW_OPEN = 0x0000
SW_PULSE = 0x0014  # SW2 + SW4: three electrodes, no capacitors
LPTIA_OFF = 0x03
LPTIA_LOOP = 0x2018  # RF 0 ohm, RLOAD 0, boost 3; RTIA code in bits 9:5

FLAG_DFT_READY = 1 << 1
FLAG_SINC2_READY = 1 << 2
FLAG_ADC_MIN = 1 << 4
FLAG_ADC_MAX = 1 << 5
FLAG_CUSTOM0 = 1 << 9
FLAG_CUSTOM1 = 1 << 10
FLAG_SEQ_END = 1 << 15
FLAG_FIFO_FULL = 1 << 23
FLAG_FIFO_OVERFLOW = 1 << 26
FLAG_FIFO_UNDERFLOW = 1 << 27
FLAG_TRY_BREAK = 1 << 31

# FIFO and sequencer memory (section 8): 4 kB commands in memory mode, 2 kB data in FIFO mode
MEMORY_SPLIT = 0x044A
FIFO_OFF = 0x0000
FIFO_SINC2 = 0x6800  # enabled, source SINC2
FIFO_WORDS_MAX = 512
CHANNEL_SINC2_LPTIA0 = 0x61
COMMAND_WORDS_PER_BLOCK = 512

# Impedance on the high-speed path (sections 7 and 8)
SWITCHES_APPLY = 0x1FFFF  # SWCON: obey the four xSWFULLCON registers, now
WG_SINE = 0x04
HSTIA_200_OHM = 0x0200  # RTIA code 0, CTIA 16 pF
DFT_4096_HANNING_SINC3 = 0x1000A1
FREQUENCY_WORD_BITS = 30
FREQUENCY_WORD_BITS_OLD = 26  # CHIPID 0x5500
CHIPID_OLD = 0x5500
