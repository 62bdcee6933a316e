// The board's clock: processor time of this process plus the time it asked to sleep. On a busy host the board does not run
// slower than its chips: time in which the host gave it no processor, and time that a model took to answer, does not pass.
#include <errno.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "py/runtime.h"
#include "py/mphal.h"
#include "vboard.h"

static uint64_t slept_us;

static uint64_t clock_us(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint64_t vboard_now_us(void) {
    return clock_us(CLOCK_PROCESS_CPUTIME_ID) + slept_us;
}

mp_uint_t __wrap_mp_hal_ticks_us(void);
mp_uint_t __wrap_mp_hal_ticks_us(void) {
    return vboard_now_us();
}

mp_uint_t __wrap_mp_hal_ticks_ms(void);
mp_uint_t __wrap_mp_hal_ticks_ms(void) {
    return vboard_now_us() / 1000;
}

// A sleep counts as long as it was asked to be, however late the host ended it; one that was cut short, as long as it took.
static void count_sleep(uint64_t began_us, bool to_the_end, uint64_t asked_us) {
    uint64_t took_us = clock_us(CLOCK_MONOTONIC) - began_us;
    slept_us += to_the_end || took_us > asked_us ? asked_us : took_us;
}

int __real_usleep(useconds_t us);
int __wrap_usleep(useconds_t us);
int __wrap_usleep(useconds_t us) {
    uint64_t began = clock_us(CLOCK_MONOTONIC);
    int result = __real_usleep(us);
    count_sleep(began, result == 0, us);
    return result;
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    if (timeout_ms == 0) {
        return __real_poll(fds, count, 0);
    }
    uint64_t began = clock_us(CLOCK_MONOTONIC);
    int result = __real_poll(fds, count, timeout_ms);
    int error = errno;
    count_sleep(began, result == 0, timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * 1000);
    errno = error;
    return result;
}

int __real_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *limit);
int __wrap_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *limit);
int __wrap_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *limit) {
    uint64_t asked = limit ? (uint64_t)limit->tv_sec * 1000000 + limit->tv_usec : UINT64_MAX;
    uint64_t began = clock_us(CLOCK_MONOTONIC);
    int result = __real_select(n, r, w, e, limit);
    int error = errno;
    count_sleep(began, result == 0, asked);
    errno = error;
    return result;
}

// Waiting for the console or a network peer passes in the world's time.
#define WAITS(type, name, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters { \
        uint64_t began = clock_us(CLOCK_MONOTONIC), ran = clock_us(CLOCK_PROCESS_CPUTIME_ID); \
        type result = __real_##name arguments; \
        int error = errno; \
        uint64_t took = clock_us(CLOCK_MONOTONIC) - began, worked = clock_us(CLOCK_PROCESS_CPUTIME_ID) - ran; \
        slept_us += took > worked ? took - worked : 0; \
        errno = error; \
        return result; \
    }
WAITS(ssize_t, read, (int fd, void *into, size_t length), (fd, into, length))
WAITS(ssize_t, recv, (int fd, void *into, size_t length, int flags), (fd, into, length, flags))
WAITS(int, connect, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))

void __wrap_mp_hal_delay_ms(mp_uint_t ms);
void __wrap_mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t end = vboard_now_us() + (uint64_t)ms * 1000;
    for (;;) {
        mp_handle_pending(true);
        uint64_t now = vboard_now_us();
        if (now >= end) {
            return;
        }
        __wrap_usleep(end - now < 20000 ? end - now : 20000); // a signal (Ctrl-C, an interrupt) ends the slice at once
    }
}
