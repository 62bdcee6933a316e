// NOR flash as a block device: erase sets a sector to ones, programming only clears bits, power may fail within either.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "extmod/vfs_rom.h"
#include "vboard.h"

#define SECTOR (4096)
#define PAGE (256)

// The whole chip: one image, one count of writes, one supply.
static uint8_t *image; // mapped and shared: what was written is in the file even when the VM is killed
static mp_uint_t image_sectors;
static mp_uint_t writes; // erases and programs so far
static mp_uint_t cut_at; // the supply fails during this write; 0 = never
static int cut_exit_code;

typedef struct _flash_t { // a partition of it
    mp_obj_base_t base;
    mp_uint_t first;
    mp_uint_t sectors;
} flash_t;

// open_flash(path, sectors, exit code of a power cut)
static mp_obj_t flash_open(mp_obj_t path, mp_obj_t sectors, mp_obj_t exit_code) {
    int file = open(mp_obj_str_get_str(path), O_RDWR | O_CLOEXEC);
    if (file < 0) {
        mp_raise_OSError(errno);
    }
    image_sectors = mp_obj_get_int(sectors);
    image = mmap(NULL, image_sectors * SECTOR, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int error = errno;
    close(file);
    if (image == MAP_FAILED) {
        image = NULL;
        mp_raise_OSError(error);
    }
    cut_exit_code = mp_obj_get_int(exit_code);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_3(vboard_open_flash_obj, flash_open);

static void in_range(mp_uint_t first, mp_uint_t sectors) {
    if (image == NULL || first > image_sectors || sectors > image_sectors - first) {
        mp_raise_OSError(ENODEV);
    }
}

// Flash(first sector, sectors)
static mp_obj_t flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    flash_t *self = mp_obj_malloc(flash_t, type);
    self->first = mp_obj_get_int(args[0]);
    self->sectors = mp_obj_get_int(args[1]);
    in_range(self->first, self->sectors);
    return MP_OBJ_FROM_PTR(self);
}

static uint8_t *place(const flash_t *self, mp_uint_t offset, size_t length) {
    if ((uint64_t)offset + length > (uint64_t)self->sectors * SECTOR) {
        mp_raise_OSError(EINVAL);
    }
    return image + self->first * SECTOR + offset;
}

static uint8_t *block_place(flash_t *self, mp_obj_t block, mp_uint_t offset, size_t length) {
    mp_uint_t sector = mp_obj_get_int(block);
    if (sector >= self->sectors) {
        mp_raise_OSError(EINVAL);
    }
    return place(self, sector * SECTOR + offset, length);
}

static void erase(uint8_t *at) {
    if (++writes == cut_at) {
        memset(at, 0xff, SECTOR / 2); // an interrupted erase leaves a sector that is neither old nor blank
        _exit(cut_exit_code);
    }
    memset(at, 0xff, SECTOR);
}

static void program_page(uint8_t *at, const uint8_t *from, size_t length) {
    bool cut = ++writes == cut_at;
    size_t whole = cut ? length / 2 : length;
    for (size_t i = 0; i < whole; i++) {
        at[i] &= from[i];
    }
    if (cut) {
        if (whole < length) {
            at[whole] &= from[whole] | 0xf0; // the byte under way gets only part of its bits
        }
        _exit(cut_exit_code);
    }
}

// The chip programs pages of 256 bytes, one after the other: each is a write in which the supply may fail.
static void program(uint8_t *at, const uint8_t *from, size_t length) {
    while (length) {
        size_t to_page_end = PAGE - (at - image) % PAGE;
        size_t part = length < to_page_end ? length : to_page_end;
        program_page(at, from, part);
        at += part;
        from += part;
        length -= part;
    }
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t into;
    mp_get_buffer_raise(args[2], &into, MP_BUFFER_WRITE);
    memcpy(into.buf, block_place(MP_OBJ_TO_PTR(args[0]), args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, into.len), into.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

// Like esp32.Partition: without an offset the sectors are erased first, with one they are only programmed.
static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    flash_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t from;
    mp_get_buffer_raise(args[2], &from, MP_BUFFER_READ);
    uint8_t *at = block_place(self, args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, from.len);
    if (n_args == 3) {
        for (size_t i = 0; i < from.len; i += SECTOR) {
            erase(at + i);
        }
    }
    program(at, from.buf, from.len);
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
            erase(block_place(self, argument, 0, SECTOR));
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

static mp_obj_t flash_writes(void) {
    return mp_obj_new_int_from_uint(writes);
}
MP_DEFINE_CONST_FUN_OBJ_0(vboard_flash_writes_obj, flash_writes);

// cut_in(n): the supply fails during the n-th write from now; 0 disarms.
static mp_obj_t flash_cut_in(mp_obj_t number) {
    mp_uint_t n = mp_obj_get_int(number);
    cut_at = n ? writes + n : 0;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(vboard_cut_in_obj, flash_cut_in);

// The partition `romfs`, as the ESP32 port has it: mapped for reading, so that code runs in place; written by rom_ioctl.
static flash_t rom_partition = { .base = { &vboard_flash_type } };

static mp_obj_t flash_set_rom(mp_obj_t first, mp_obj_t sectors) {
    in_range(mp_obj_get_int(first), mp_obj_get_int(sectors));
    rom_partition.first = mp_obj_get_int(first);
    rom_partition.sectors = mp_obj_get_int(sectors);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(vboard_set_rom_obj, flash_set_rom);

static mp_int_t flash_get_buffer(mp_obj_t self_in, mp_buffer_info_t *into, mp_uint_t flags) {
    if (MP_OBJ_TO_PTR(self_in) != &rom_partition || flags != MP_BUFFER_READ) {
        return 1;
    }
    into->buf = place(&rom_partition, 0, 0);
    into->len = rom_partition.sectors * SECTOR;
    into->typecode = 'B';
    return 0;
}

mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    mp_int_t op = mp_obj_get_int(args[0]);
    bool present = image != NULL && rom_partition.sectors > 0;
    if (op == MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS) {
        return MP_OBJ_NEW_SMALL_INT(present ? 1 : 0);
    }
    if (!present || n_args < 2 || mp_obj_get_int(args[1]) != 0) {
        return MP_OBJ_NEW_SMALL_INT(-EINVAL);
    }
    if (op == MP_VFS_ROM_IOCTL_GET_SEGMENT) {
        return MP_OBJ_FROM_PTR(&rom_partition);
    }
    if (op == MP_VFS_ROM_IOCTL_WRITE_PREPARE && n_args == 3) {
        mp_uint_t length = mp_obj_get_int(args[2]);
        uint8_t *at = place(&rom_partition, 0, length);
        for (mp_uint_t done = 0; done < length; done += SECTOR) {
            erase(at + done);
        }
        return MP_OBJ_NEW_SMALL_INT(4);
    }
    if (op == MP_VFS_ROM_IOCTL_WRITE && n_args == 4) {
        mp_buffer_info_t from;
        mp_get_buffer_raise(args[3], &from, MP_BUFFER_READ);
        program(place(&rom_partition, mp_obj_get_int(args[2]), from.len), from.buf, from.len);
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    return MP_OBJ_NEW_SMALL_INT(op == MP_VFS_ROM_IOCTL_WRITE_COMPLETE ? 0 : -EINVAL);
}

static const mp_rom_map_elem_t flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(vboard_flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, make_new, flash_make_new, buffer, flash_get_buffer, locals_dict, &flash_locals);
