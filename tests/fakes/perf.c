/* Stands between a program and the kernel's perf PMU `power`; preloaded by fakes/perf.py.
 *
 * It answers perf_event_open and the reads of what that opened, under the rules of Linux
 * (kernel/events/core.c, arch/x86/events/rapl.c); all else goes to libc. The environment says what it is:
 *   FAKE_PERF_TYPE    the PMU's type (4242); another one answers ENOENT
 *   FAKE_PERF_EVENTS  the event codes it has ("2"); others answer EINVAL
 *   FAKE_PERF_CPUS    the CPUs it has ("0"); others answer ENODEV
 *   FAKE_PERF_ERRNO   what every opening fails with
 *   FAKE_PERF_WAVE    shape:low_w:high_w:period_s:duty (constant:10:10:1:0.5)
 *   FAKE_PERF_CLOCK   a file with the time in s; without it the monotonic clock
 *   FAKE_PERF_COUNT   the count that every reading gives, whatever the time
 *   FAKE_PERF_FAIL    errno:from_s:until_s: what readings fail with between two times; 0: they give no bytes
 * A counter starts at 0 when it is opened, in steps of 2^-14 J as on most Intel processors. Event k on
 * CPU c draws (k + 10 c) times the waveform, so that counters cannot be mixed up unnoticed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, UNIT_BITS = 14 };

static struct { int open; double factor; uint64_t start; } counters[DESCRIPTORS];

static double now_s(void) {
    const char *path = getenv("FAKE_PERF_CLOCK");
    double at = 0;
    if (path) {
        FILE *file = fopen(path, "r");
        if (file) { if (fscanf(file, "%lf", &at) != 1) at = 0; fclose(file); }
        return at;
    }
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* The energy since 0 s: the three shapes of fakes/waveform.py. */
static double wave_j(double at) {
    char shape[16] = "constant";
    double low = 10, high = 10, period = 1, duty = 0.5;
    const char *text = getenv("FAKE_PERF_WAVE");
    if (text) sscanf(text, "%15[^:]:%lf:%lf:%lf:%lf", shape, &low, &high, &period, &duty);
    double whole = floor(at / period), into = at - whole * period, on = duty * period;
    if (!strcmp(shape, "square"))
        return whole * (high * on + low * (period - on)) + high * fmin(into, on) + low * fmax(0, into - on);
    if (!strcmp(shape, "ramp"))
        return whole * period * (low + high) / 2 + low * into + (high - low) * into * into / (2 * period);
    return high * at;
}

static uint64_t units(double factor) { return (uint64_t)(factor * wave_j(now_s()) * (1 << UNIT_BITS)); }

static int listed(const char *name, const char *otherwise, long number) {
    const char *text = getenv(name);
    if (!text) text = otherwise;
    while (*text) {
        char *end;
        if (strtol(text, &end, 10) == number && end != text) return 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

static int refused(const struct perf_event_attr *attr, long pid, long cpu) {
    const char *always = getenv("FAKE_PERF_ERRNO"), *type = getenv("FAKE_PERF_TYPE");
    if (attr->size < PERF_ATTR_SIZE_VER0) return E2BIG;
    if (always) return atoi(always);
    if (attr->type != (type ? strtoul(type, NULL, 10) : 4242)) return ENOENT;
    /* It counts for no process, does not sample, and cannot leave users or the kernel out. */
    if (pid != -1 || cpu < 0 || attr->sample_period || attr->exclude_user || attr->exclude_kernel ||
        attr->exclude_hv || attr->exclude_idle || attr->exclude_host || attr->exclude_guest)
        return EINVAL;
    if (!listed("FAKE_PERF_CPUS", "0", cpu)) return ENODEV;
    return attr->config > 0xff || !listed("FAKE_PERF_EVENTS", "2", (long)attr->config) ? EINVAL : 0;
}

static long perf_event_open(const struct perf_event_attr *attr, long pid, long cpu, long group, long flags) {
    int problem = group == -1 ? refused(attr, pid, cpu) : EBADF;
    int file = problem ? -1 : memfd_create("perf", flags & PERF_FLAG_FD_CLOEXEC ? MFD_CLOEXEC : 0);
    if (problem) errno = problem;
    if (file < 0 || file >= DESCRIPTORS) return -1;
    double factor = attr->disabled ? 0 : (double)attr->config + 10 * (double)cpu;
    counters[file].open = 1;
    counters[file].factor = factor;
    counters[file].start = units(factor);
    return file;
}

long syscall(long number, ...) {
    static long (*libc_syscall)(long, ...);
    long a[6];
    va_list list;
    va_start(list, number);
    for (int k = 0; k < 6; k++) a[k] = va_arg(list, long);
    va_end(list);
    if (number == SYS_perf_event_open)
        return perf_event_open((const struct perf_event_attr *)a[0], (int)a[1], (int)a[2], (int)a[3], a[4]);
    if (!libc_syscall) libc_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return libc_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t read(int file, void *buffer, size_t size) {
    static ssize_t (*libc_read)(int, void *, size_t);
    if (!libc_read) libc_read = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    if (file < 0 || file >= DESCRIPTORS || !counters[file].open) return libc_read(file, buffer, size);
    const char *failure = getenv("FAKE_PERF_FAIL"), *fixed = getenv("FAKE_PERF_COUNT");
    int code;
    double from, until, at = now_s();
    if (failure && sscanf(failure, "%d:%lf:%lf", &code, &from, &until) == 3 && from <= at && at < until) {
        errno = code;
        return code ? -1 : 0;
    }
    uint64_t count = (units(counters[file].factor) - counters[file].start) << (32 - UNIT_BITS);
    if (fixed) count = strtoull(fixed, NULL, 10);
    if (size < sizeof count) { errno = ENOSPC; return -1; }
    memcpy(buffer, &count, sizeof count);
    return sizeof count;
}

int close(int file) {
    static int (*libc_close)(int);
    if (!libc_close) libc_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (file >= 0 && file < DESCRIPTORS) counters[file].open = 0;
    return libc_close(file);
}
