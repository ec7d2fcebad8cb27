/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Lets the heap fail when a test says so: a library to be preloaded. The file
 * that PSM_FAIL_FILE names holds five 64-bit numbers, shared by all processes:
 * the process that is meant (0: none), the call from which on it fails, how
 * many fail, how many calls there were, how many of them failed. Calls are
 * counted while a process is meant. operator new asks malloc, and throws when
 * that gives nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { process, from, length, calls, failed, numbers };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static int64_t here[numbers];
static int64_t *state = here;

__attribute__((constructor)) static void share_state(void)
{
    const char *path = getenv("PSM_FAIL_FILE");
    int fd = path != NULL ? open(path, O_RDWR) : -1;

    if (fd >= 0) {
        void *p = mmap(NULL, sizeof(here), PROT_READ | PROT_WRITE, MAP_SHARED,
                       fd, 0);
        if (p != MAP_FAILED) {
            state = p;
        }
        close(fd);
    }
}

static int fails(void)
{
    int64_t meant = __atomic_load_n(&state[process], __ATOMIC_ACQUIRE);

    if (meant == 0 || meant != getpid()) {
        return 0;
    }
    int64_t call = ++state[calls];
    if (call < state[from] || call >= state[from] + state[length]) {
        return 0;
    }
    state[failed]++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    void *got = memalign(alignment, size);

    if (got == NULL) {
        return ENOMEM;
    }
    *p = got;
    return 0;
}
