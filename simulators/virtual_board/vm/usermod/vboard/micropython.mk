VBOARD_DIR := $(USERMOD_DIR)
SRC_USERMOD_C += $(VBOARD_DIR)/vboard.c $(VBOARD_DIR)/console.c $(VBOARD_DIR)/flash.c $(VBOARD_DIR)/clock.c
CFLAGS_USERMOD += -I$(VBOARD_DIR)
LDFLAGS_USERMOD += -Wl,--wrap=mp_hal_set_interrupt_char -Wl,--wrap=mp_hal_stdin_rx_chr
LDFLAGS_USERMOD += -Wl,--wrap=mp_hal_stdout_tx_strn -Wl,--wrap=mp_hal_stdout_tx_strn_cooked -Wl,--wrap=mp_hal_stdout_tx_str
LDFLAGS_USERMOD += -Wl,--wrap=mp_hal_ticks_ms -Wl,--wrap=mp_hal_ticks_us -Wl,--wrap=mp_hal_delay_ms
LDFLAGS_USERMOD += -Wl,--wrap=usleep -Wl,--wrap=poll -Wl,--wrap=select -Wl,--wrap=read -Wl,--wrap=recv -Wl,--wrap=connect

# console.c owns sys.stdin, sys.stdout and sys.stderr; the port's own are put aside under other names.
$(BUILD)/extmod/vfs_posix_file.o: CFLAGS += -Dmp_sys_stdin_obj=unused_stdin_obj -Dmp_sys_stdout_obj=unused_stdout_obj -Dmp_sys_stderr_obj=unused_stderr_obj
# flash.c owns the romfs partition.
$(BUILD)/main.o: CFLAGS += -Dmp_vfs_rom_ioctl=unused_vfs_rom_ioctl
