// NOR flash as a block device: erase sets a sector to ones, programming only clears bits, power may fail within either.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "vboard.h"

#define SECTOR (4096)

typedef struct _flash_t {
    mp_obj_base_t base;
    uint8_t *image; // mapped and shared: what was written is in the file even when the VM is killed
    mp_uint_t sectors;
    mp_uint_t writes; // erases and programs so far
    mp_uint_t cut_at; // the supply fails during this write; 0 = never
    mp_uint_t exit_code;
} flash_t;

static mp_obj_t flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 4, 4, false);
    flash_t *self = mp_obj_malloc(flash_t, type);
    self->sectors = mp_obj_get_int(args[1]);
    self->writes = 0;
    self->cut_at = mp_obj_get_int(args[2]);
    self->exit_code = mp_obj_get_int(args[3]);
    int file = open(mp_obj_str_get_str(args[0]), O_RDWR | O_CLOEXEC);
    if (file < 0) {
        mp_raise_OSError(errno);
    }
    self->image = mmap(NULL, self->sectors * SECTOR, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int error = errno;
    close(file);
    if (self->image == MAP_FAILED) {
        mp_raise_OSError(error);
    }
    return MP_OBJ_FROM_PTR(self);
}

static uint8_t *place(flash_t *self, mp_obj_t block, mp_uint_t offset, size_t length) {
    mp_uint_t sector = mp_obj_get_int(block);
    if (sector >= self->sectors || (uint64_t)sector * SECTOR + offset + length > (uint64_t)self->sectors * SECTOR) {
        mp_raise_OSError(EINVAL);
    }
    return self->image + sector * SECTOR + offset;
}

static void erase(flash_t *self, uint8_t *at) {
    if (++self->writes == self->cut_at) {
        memset(at, 0xff, SECTOR / 2); // an interrupted erase leaves a sector that is neither old nor blank
        _exit(self->exit_code);
    }
    memset(at, 0xff, SECTOR);
}

static void program(flash_t *self, uint8_t *at, const uint8_t *from, size_t length) {
    bool cut = ++self->writes == self->cut_at;
    size_t whole = cut ? length / 2 : length;
    for (size_t i = 0; i < whole; i++) {
        at[i] &= from[i];
    }
    if (cut) {
        if (whole < length) {
            at[whole] &= from[whole] | 0xf0; // the byte under way gets only part of its bits
        }
        _exit(self->exit_code);
    }
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t into;
    mp_get_buffer_raise(args[2], &into, MP_BUFFER_WRITE);
    memcpy(into.buf, place(MP_OBJ_TO_PTR(args[0]), args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, into.len), into.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

// Like esp32.Partition: without an offset the sectors are erased first, with one they are only programmed.
static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    flash_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t from;
    mp_get_buffer_raise(args[2], &from, MP_BUFFER_READ);
    uint8_t *at = place(self, args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, from.len);
    if (n_args == 3) {
        for (size_t i = 0; i < from.len; i += SECTOR) {
            erase(self, at + i);
        }
    }
    program(self, at, from.buf, from.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self_in, mp_obj_t op, mp_obj_t argument) {
    flash_t *self = MP_OBJ_TO_PTR(self_in);
    switch (mp_obj_get_int(op)) {
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(self->sectors);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(SECTOR);
        case MP_BLOCKDEV_IOCTL_BLOCK_ERASE:
            erase(self, place(self, argument, 0, SECTOR));
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

static mp_obj_t flash_writes(mp_obj_t self_in) {
    return mp_obj_new_int_from_uint(((flash_t *)MP_OBJ_TO_PTR(self_in))->writes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(flash_writes_obj, flash_writes);

// Arm the supply to fail during the n-th write from now; 0 disarms.
static mp_obj_t flash_cut_in(mp_obj_t self_in, mp_obj_t writes) {
    flash_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t n = mp_obj_get_int(writes);
    self->cut_at = n ? self->writes + n : 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(flash_cut_in_obj, flash_cut_in);

static const mp_rom_map_elem_t flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
    { MP_ROM_QSTR(MP_QSTR_writes), MP_ROM_PTR(&flash_writes_obj) },
    { MP_ROM_QSTR(MP_QSTR_cut_in), MP_ROM_PTR(&flash_cut_in_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(vboard_flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, make_new, flash_make_new, locals_dict, &flash_locals);
