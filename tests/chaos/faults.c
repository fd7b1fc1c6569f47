/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Loaded before the C library (LD_PRELOAD): reads that fail as those of a bad disk do, and a clock that jumps.
 *
 * TRIAGE_CHAOS_READS  "device inode from to;..." in decimal: bytes from..to of that file cannot be read (EIO); what lies
 *                     before them can, as the kernel has it.
 * TRIAGE_CHAOS_CLOCK  a file of 8 bytes: seconds that are added to the time of day, read anew whenever that is asked for.
 *
 * Only what is allowed behind the filter of system calls is called once a program runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256 };
static struct { unsigned long long device, inode; off_t from, to; } bad[MOST];
static int count;
static const volatile int64_t *shift_s;

__attribute__((constructor)) static void prepare(void)
{
    char *at = getenv("TRIAGE_CHAOS_READS");
    while (at && *at && count < MOST) {
        bad[count].device = strtoull(at, &at, 10);
        bad[count].inode = strtoull(at, &at, 10);
        bad[count].from = strtoll(at, &at, 10);
        bad[count++].to = strtoll(at, &at, 10);
        if (*at == ';')
            at++;
    }
    const char *path = getenv("TRIAGE_CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *seen = mmap(NULL, sizeof(*shift_s), PROT_READ, MAP_SHARED, file, 0);
        shift_s = seen == MAP_FAILED ? NULL : seen;
        close(file);
    }
}

/* How many bytes can be read there, up to size; -1: not one. */
static ssize_t readable(int file, off_t at, size_t size)
{
    struct stat found;
    if (!count || at < 0 || syscall(SYS_fstat, file, &found) || !S_ISREG(found.st_mode))
        return (ssize_t)size;
    for (int one = 0; one < count; one++) {
        if (bad[one].device != found.st_dev || bad[one].inode != found.st_ino)
            continue;
        if (at >= bad[one].from && at < bad[one].to)
            return -1;
        if (at < bad[one].from && at + (off_t)size > bad[one].from)
            size = (size_t)(bad[one].from - at);
    }
    return (ssize_t)size;
}

ssize_t read(int file, void *target, size_t size)
{
    off_t at = count ? syscall(SYS_lseek, file, 0, SEEK_CUR) : 0;
    ssize_t left = readable(file, at, size);
    if (left < 0) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_read, file, target, (size_t)left);
}

ssize_t pread64(int file, void *target, size_t size, off_t at)
{
    ssize_t left = readable(file, at, size);
    if (left < 0) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, file, target, (size_t)left, at);
}

ssize_t pread(int file, void *target, size_t size, off_t at)
{
    return pread64(file, target, size, at);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, which, now);
    if (!failed && shift_s && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        now->tv_sec += *shift_s;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact))
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *target)
{
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (target)
        *target = exact.tv_sec;
    return exact.tv_sec;
}
