/* To be preloaded: the wall clock is ahead by what the file FAKE_CLOCKS says, and the machine has slept for so
   long: two numbers in s, "5 0". CLOCK_MONOTONIC stays as it is, as on a machine whose clock is set or that
   sleeps. A file that is being written changes nothing. With FAKE_LOCKS semaphores wait until a time of that
   wall clock, as in a Python that was built without sem_clockwait(3). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double set_s, slept_s;

static void look(void) {
    const char *path = getenv("FAKE_CLOCKS");
    char text[64];
    double set, slept;
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0 || text[size - 1] != '\n') return;
    text[size] = 0;
    if (sscanf(text, "%lf %lf", &set, &slept) == 2) set_s = set, slept_s = slept;
}

static void add(struct timespec *time, double more_s) {
    double whole_s = time->tv_sec + (double)(long)more_s;
    long ns = time->tv_nsec + (long)((more_s - (double)(long)more_s) * 1e9);
    if (ns < 0) whole_s -= 1, ns += 1000000000L;
    if (ns >= 1000000000L) whole_s += 1, ns -= 1000000000L;
    time->tv_sec = (time_t)whole_s, time->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)) return failed;
    look();
    add(time, slept_s + (clock == CLOCK_REALTIME ? set_s : 0));
    return 0;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec, now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until) {
    double left_s = (double)until->tv_sec + (double)until->tv_nsec * 1e-9 - seconds(clock);
    clockid_t by = getenv("FAKE_LOCKS") ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    double end_s = seconds(by) + left_s;
    while (sem_trywait(semaphore)) {
        if (seconds(by) >= end_s) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (usleep(1000)) return -1; /* a signal */
    }
    return 0;
}
