// The unix port configured like the ESP32 board it stands in for: float32, feature level of the ESP32 port, no threads.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_READLINE_HISTORY_SIZE (8)

#include "ports/unix/variants/mpconfigvariant_common.h"

// Ctrl-C is raised between two bytecodes, as on the board; the unix port's own way can tear a flash write apart.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// A board has no shell, and its print ends lines with CR LF.
#undef MICROPY_PY_OS_SYSTEM
#define MICROPY_PY_OS_SYSTEM (0)
#define MICROPY_PY_OS_UNAME (1)

// Interrupts of simulated pins and timers arrive as signals: the scheduler's queue is guarded against them.
unsigned int vboard_atomic_begin(void);
void vboard_atomic_end(unsigned int state);
#define MICROPY_BEGIN_ATOMIC_SECTION() vboard_atomic_begin()
#define MICROPY_END_ATOMIC_SECTION(state) vboard_atomic_end(state)

// A partition `romfs` whose modules run in place, as the ESP32 port can have it.
#undef MICROPY_VFS_ROM_IOCTL
#define MICROPY_VFS_ROM_IOCTL (1)

#define MICROPY_PY_SYS_PLATFORM "esp32"
#define MICROPY_HW_BOARD_NAME "Waakzaam virtual board"
#define MICROPY_HW_MCU_NAME "ESP32 stand-in"
