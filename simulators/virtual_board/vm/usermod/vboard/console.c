// The board's console on the VM's terminal: raw bytes, CR LF line ends, Ctrl-C only while a program runs.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "py/runtime.h"
#include "py/stream.h"
#include "py/mphal.h"
#include "vboard.h"

// The terminal turns a byte 3 into SIGINT only while `interruptible`; else it is an ordinary byte of the raw REPL or of a mount.
void vboard_terminal(bool interruptible) {
    struct termios t;
    if (tcgetattr(0, &t) != 0) {
        return;
    }
    cfmakeraw(&t);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (interruptible) {
        t.c_lflag |= ISIG | NOFLSH;
        t.c_cc[VINTR] = 3;
        t.c_cc[VQUIT] = _POSIX_VDISABLE;
        t.c_cc[VSUSP] = _POSIX_VDISABLE;
    }
    tcsetattr(0, TCSANOW, &t);
}

static void on_interrupt(int signum) {
    (void)signum;
    mp_sched_keyboard_interrupt();
}

void __wrap_mp_hal_set_interrupt_char(char c);
void __wrap_mp_hal_set_interrupt_char(char c) {
    struct sigaction action = { .sa_handler = c == 3 ? on_interrupt : SIG_IGN };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    vboard_terminal(c == 3);
}

int __wrap_mp_hal_stdin_rx_chr(void);
int __wrap_mp_hal_stdin_rx_chr(void) {
    for (;;) {
        unsigned char c;
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got == 1) {
            return c;
        }
        if (got < 0 && errno == EINTR) {
            mp_handle_pending(true);
            continue;
        }
        _exit(VBOARD_EXIT_HOST_GONE); // the supervisor closed the terminal: without a host there is no board
    }
}

mp_uint_t __wrap_mp_hal_stdout_tx_strn(const char *text, size_t length);
mp_uint_t __wrap_mp_hal_stdout_tx_strn(const char *text, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t put = write(STDOUT_FILENO, text + done, length - done);
        if (put > 0) {
            done += put;
        } else if (errno != EINTR) {
            _exit(VBOARD_EXIT_HOST_GONE);
        }
    }
    return length;
}

void __wrap_mp_hal_stdout_tx_strn_cooked(const char *text, size_t length);
void __wrap_mp_hal_stdout_tx_strn_cooked(const char *text, size_t length) {
    size_t from = 0;
    for (size_t at = 0; at < length; at++) {
        if (text[at] == '\n' && (at == 0 || text[at - 1] != '\r')) {
            __wrap_mp_hal_stdout_tx_strn(text + from, at - from);
            __wrap_mp_hal_stdout_tx_strn("\r\n", 2);
            from = at + 1;
        }
    }
    __wrap_mp_hal_stdout_tx_strn(text + from, length - from);
}

void __wrap_mp_hal_stdout_tx_str(const char *text);
void __wrap_mp_hal_stdout_tx_str(const char *text) {
    __wrap_mp_hal_stdout_tx_strn(text, strlen(text));
}

#undef mp_hal_stdio_poll
uintptr_t mp_hal_stdio_poll(uintptr_t flags);
uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    uintptr_t ready = flags & MP_STREAM_POLL_WR;
    if ((flags & MP_STREAM_POLL_RD) && poll(&in, 1, 0) == 1 && (in.revents & POLLIN)) {
        ready |= MP_STREAM_POLL_RD;
    }
    return ready;
}

#include "shared/runtime/sys_stdio_mphal.c"
