// Module `_vboard`: what the unix port lacks to be a board: REPL over a terminal, exit codes as board events, the link to
// the simulated peripherals, interrupts from them.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include "py/runtime.h"
#include "py/mphal.h"
#include "py/gc.h"
#include "vboard.h"

#define MICROPY_INCLUDED_LIB_UTILS_INTERRUPT_CHAR_H
#include "shared/runtime/pyexec.c"

// Guard against our own signals ----------------------------------------------------------------------------------
static sigset_t interrupts;
static int guard_depth;

unsigned int vboard_atomic_begin(void) {
    sigprocmask(SIG_BLOCK, &interrupts, NULL);
    return guard_depth++;
}

void vboard_atomic_end(unsigned int state) {
    guard_depth = state;
    if (state == 0) {
        sigprocmask(SIG_UNBLOCK, &interrupts, NULL);
    }
}

// Running code in `__main__`, whoever calls ----------------------------------------------------------------------
typedef int (*runner_t)(const char *name);

static int in_main(runner_t run, const char *name) {
    mp_obj_dict_t *globals = mp_globals_get(), *locals = mp_locals_get();
    mp_globals_set(&MP_STATE_VM(dict_main));
    mp_locals_set(&MP_STATE_VM(dict_main));
    int result = run(name);
    mp_globals_set(globals);
    mp_locals_set(locals);
    return result;
}

static int run_raw(const char *name) {
    (void)name;
    return pyexec_raw_repl();
}
static int run_friendly(const char *name) {
    (void)name;
    return pyexec_friendly_repl();
}

static mp_obj_t vb_repl(void) {
    vboard_terminal(false);
    return MP_OBJ_NEW_SMALL_INT(in_main(pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? run_raw : run_friendly, NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_0(vb_repl_obj, vb_repl);

static mp_obj_t vb_run_file(mp_obj_t name) {
    return MP_OBJ_NEW_SMALL_INT(in_main(pyexec_file_if_exists, mp_obj_str_get_str(name)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_run_file_obj, vb_run_file);

static mp_obj_t vb_raw_mode(size_t n, const mp_obj_t *args) {
    if (n) {
        pyexec_mode_kind = mp_obj_is_true(args[0]) ? PYEXEC_MODE_RAW_REPL : PYEXEC_MODE_FRIENDLY_REPL;
    }
    return mp_obj_new_bool(pyexec_mode_kind == PYEXEC_MODE_RAW_REPL);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(vb_raw_mode_obj, 0, 1, vb_raw_mode);

static mp_obj_t vb_exit(mp_obj_t code) {
    _exit(mp_obj_get_int(code));
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_exit_obj, vb_exit);

// The link: header {op, unit, 0, argument, length, board's clock} + payload there; {status, length} + payload back ---------------
typedef struct { uint8_t op, unit; uint16_t reserved; uint32_t argument, length, now_us; } request_t;
typedef struct { int32_t status; uint32_t length; } reply_t;
static int link_fd = -1;

static void link_gone(void) {
    _exit(VBOARD_EXIT_HOST_GONE);
}

static void put_all(const void *from, size_t length) {
    while (length) {
        ssize_t n = write(link_fd, from, length);
        if (n > 0) {
            from = (const char *)from + n;
            length -= n;
        } else if (errno != EINTR) {
            link_gone();
        }
    }
}

ssize_t __real_read(int fd, void *into, size_t length);

static void get_all(void *into, size_t length) {
    while (length) {
        ssize_t n = __real_read(link_fd, into, length); // the time that a model takes does not pass on the board
        if (n > 0) {
            into = (char *)into + n;
            length -= n;
        } else if (n == 0 || errno != EINTR) {
            link_gone();
        }
    }
}

static void send_request(const mp_obj_t *args, size_t n) {
    mp_buffer_info_t tx = { .len = 0 };
    if (n > 3 && args[3] != mp_const_none) {
        mp_get_buffer_raise(args[3], &tx, MP_BUFFER_READ);
    }
    request_t request = { mp_obj_get_int(args[0]), mp_obj_get_int(args[1]), 0, mp_obj_get_int_truncated(args[2]), tx.len, vboard_now_us() };
    struct iovec parts[2] = { { &request, sizeof(request) }, { tx.buf, tx.len } };
    ssize_t sent;
    do {
        sent = writev(link_fd, parts, 2);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        link_gone();
    }
    if ((size_t)sent < sizeof(request)) {
        put_all((char *)&request + sent, sizeof(request) - sent);
        sent = sizeof(request);
    }
    size_t of_payload = sent - sizeof(request);
    put_all((const char *)tx.buf + of_payload, tx.len - of_payload);
}

// post(op, unit, argument, tx=None): no reply. The stream keeps the order of what is sent.
static mp_obj_t vb_post(size_t n, const mp_obj_t *args) {
    send_request(args, n);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(vb_post_obj, 3, 4, vb_post);

// transact(op, unit, argument, tx=None, rx=None) -> status; rx is filled. Signals wait until it is over.
static mp_obj_t vb_transact(size_t n, const mp_obj_t *args) {
    mp_buffer_info_t rx = { .len = 0 };
    if (n > 4 && args[4] != mp_const_none) {
        mp_get_buffer_raise(args[4], &rx, MP_BUFFER_WRITE);
    }
    send_request(args, n);
    reply_t reply;
    get_all(&reply, sizeof(reply));
    size_t wanted = reply.length < rx.len ? reply.length : rx.len;
    get_all(rx.buf, wanted);
    for (size_t left = reply.length - wanted; left; left--) {
        char surplus;
        get_all(&surplus, 1);
    }
    return mp_obj_new_int(reply.status);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(vb_transact_obj, 3, 5, vb_transact);

// Interrupts from the host: bytes on the event socket, each the number of a handler ---------------------------------
static int event_fd = -1;
MP_REGISTER_ROOT_POINTER(mp_obj_t vboard_on_event);

static void on_event(int signum) {
    (void)signum;
    mp_obj_t handler = MP_STATE_VM(vboard_on_event);
    if (handler != MP_OBJ_NULL) {
        mp_sched_schedule(handler, mp_const_none); // when the queue is full the bytes stay for the next one
    }
}

static mp_obj_t vb_on_event(mp_obj_t handler) {
    MP_STATE_VM(vboard_on_event) = handler;
    struct sigaction action = { .sa_handler = on_event };
    sigemptyset(&action.sa_mask);
    sigaction(SIGIO, &action, NULL);
    fcntl(event_fd, F_SETOWN, getpid());
    fcntl(event_fd, F_SETFL, O_NONBLOCK | O_ASYNC);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_on_event_obj, vb_on_event);

// The next event, or -1.
static mp_obj_t vb_event(void) {
    unsigned char number;
    ssize_t n = read(event_fd, &number, 1);
    return MP_OBJ_NEW_SMALL_INT(n == 1 ? number : -1);
}
static MP_DEFINE_CONST_FUN_OBJ_0(vb_event_obj, vb_event);

// Sleep at most ms (negative: no limit); an event ends it earlier. True when one did.
static mp_obj_t vb_wait_event(mp_obj_t ms) {
    struct pollfd events = { .fd = event_fd, .events = POLLIN };
    int n = poll(&events, 1, mp_obj_get_int(ms));
    mp_handle_pending(true);
    return mp_obj_new_bool(n != 0);
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_wait_event_obj, vb_wait_event);

// attach(link, events): take over what the supervisor passed at start, and the terminal.
static mp_obj_t vb_attach(mp_obj_t link, mp_obj_t events) {
    link_fd = mp_obj_get_int(link);
    event_fd = mp_obj_get_int(events);
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigaddset(&interrupts, SIGIO);
    signal(SIGPIPE, SIG_IGN);
    ioctl(0, TIOCSCTTY, 0);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(vb_attach_obj, vb_attach);

static mp_obj_t vb_set_nonblocking(mp_obj_t fd) {
    fcntl(mp_obj_get_int(fd), F_SETFL, fcntl(mp_obj_get_int(fd), F_GETFL) | O_NONBLOCK);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_set_nonblocking_obj, vb_set_nonblocking);

// Bytes received and not read yet.
static mp_obj_t vb_unread(mp_obj_t fd) {
    int count = 0;
    ioctl(mp_obj_get_int(fd), FIONREAD, &count);
    return MP_OBJ_NEW_SMALL_INT(count);
}
static MP_DEFINE_CONST_FUN_OBJ_1(vb_unread_obj, vb_unread);

static const mp_rom_map_elem_t vboard_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__vboard) },
    { MP_ROM_QSTR(MP_QSTR_repl), MP_ROM_PTR(&vb_repl_obj) },
    { MP_ROM_QSTR(MP_QSTR_run_file), MP_ROM_PTR(&vb_run_file_obj) },
    { MP_ROM_QSTR(MP_QSTR_raw_mode), MP_ROM_PTR(&vb_raw_mode_obj) },
    { MP_ROM_QSTR(MP_QSTR_exit), MP_ROM_PTR(&vb_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR_attach), MP_ROM_PTR(&vb_attach_obj) },
    { MP_ROM_QSTR(MP_QSTR_post), MP_ROM_PTR(&vb_post_obj) },
    { MP_ROM_QSTR(MP_QSTR_transact), MP_ROM_PTR(&vb_transact_obj) },
    { MP_ROM_QSTR(MP_QSTR_on_event), MP_ROM_PTR(&vb_on_event_obj) },
    { MP_ROM_QSTR(MP_QSTR_event), MP_ROM_PTR(&vb_event_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait_event), MP_ROM_PTR(&vb_wait_event_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_nonblocking), MP_ROM_PTR(&vb_set_nonblocking_obj) },
    { MP_ROM_QSTR(MP_QSTR_unread), MP_ROM_PTR(&vb_unread_obj) },
    { MP_ROM_QSTR(MP_QSTR_open_flash), MP_ROM_PTR(&vboard_open_flash_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_rom), MP_ROM_PTR(&vboard_set_rom_obj) },
    { MP_ROM_QSTR(MP_QSTR_cut_in), MP_ROM_PTR(&vboard_cut_in_obj) },
    { MP_ROM_QSTR(MP_QSTR_flash_writes), MP_ROM_PTR(&vboard_flash_writes_obj) },
    { MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&vboard_flash_type) },
};
static MP_DEFINE_CONST_DICT(vboard_globals, vboard_globals_table);

const mp_obj_module_t vboard_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&vboard_globals };
MP_REGISTER_MODULE(MP_QSTR__vboard, vboard_module);
