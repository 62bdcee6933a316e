// What the parts of the virtual board's C module share.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "py/obj.h"

// Exit codes are the board's events; simulators/virtual_board/events.py has the same table.
#define VBOARD_EXIT_HOST_GONE (69)

void vboard_terminal(bool interruptible);
uint64_t vboard_now_us(void);
extern const mp_obj_type_t vboard_flash_type;
MP_DECLARE_CONST_FUN_OBJ_3(vboard_open_flash_obj);
MP_DECLARE_CONST_FUN_OBJ_2(vboard_set_rom_obj);
MP_DECLARE_CONST_FUN_OBJ_1(vboard_cut_in_obj);
MP_DECLARE_CONST_FUN_OBJ_0(vboard_flash_writes_obj);
