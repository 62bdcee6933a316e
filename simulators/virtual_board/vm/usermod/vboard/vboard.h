// What the parts of the virtual board's C module share.
#pragma once
#include <stdbool.h>
#include "py/obj.h"

// Exit codes are the board's events; simulators/virtual_board/events.py has the same table.
#define VBOARD_EXIT_HOST_GONE (69)

void vboard_terminal(bool interruptible);
extern const mp_obj_type_t vboard_flash_type;
